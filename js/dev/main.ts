/** `npm run dev`, then open dev/index.html?rows=899&dark&broken=9&latency=20&photos&axes=0. */

import { mount } from "../src/widget";
import { FakeKernel } from "./fake_kernel";

const query = new URLSearchParams(location.search);
const number = (name: string, otherwise: number) => Number(query.get(name) ?? otherwise);
document.body.dataset["jpThemeLight"] = String(!query.has("dark"));
const kernel = new FakeKernel({
  rows: number("rows", 899),
  axes: query.get("axes") !== "0",
  broken: number("broken", 0),
  latency: number("latency", 20),
  photos: query.has("photos"),
  title: query.get("title") ?? "Handwritten digits, test half",
});
mount(kernel, document.querySelector("#view") as HTMLElement, new AbortController().signal);
Object.assign(window, { kernel });
