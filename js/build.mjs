// Bundles the front end into one self-contained ES module that the wheel ships.
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const outfile = resolve(here, "../explorer/static/widget.js");
const BUDGET_KB = 400;

/** Style sheets become minified strings: the widget puts them into its own shadow root. */
const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { code } = await transform(source, { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

const shared = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  plugins: [styles],
  logLevel: "warning",
};

if (process.argv.includes("--dev")) {
  // The page under dev/ with a kernel made of JavaScript; open dev/index.html through any web server.
  await build({
    ...shared,
    entryPoints: ["dev/main.ts"],
    outfile: resolve(here, "dist/dev.js"),
    sourcemap: "inline",
  });
  console.log("js/dist/dev.js built: serve js/ and open dev/index.html");
} else {
  await mkdir(dirname(outfile), { recursive: true });
  await build({ ...shared, entryPoints: ["src/widget.ts"], outfile, minify: true });
  const kilobytes = (await stat(outfile)).size / 1000;
  console.log(`explorer/static/widget.js ${kilobytes.toFixed(1)} kB (budget ${BUDGET_KB} kB)`);
  if (kilobytes > BUDGET_KB) {
    console.error(`the bundle is over its budget of ${BUDGET_KB} kB`);
    process.exitCode = 1;
  }
}
