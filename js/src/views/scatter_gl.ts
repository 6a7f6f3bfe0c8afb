/** Points by WebGL2, one draw call; rebuilt when the browser takes the context away. */

import type { Arrangement, View } from "../points";

const VERTEX = `#version 300 es
in float x;
in float y;
in vec4 color;
uniform vec4 view;
uniform float size;
out vec4 tint;
void main() {
  gl_Position = vec4((vec2(x, y) - view.xy) * view.zw * 2.0 - 1.0, 0.0, 1.0);
  gl_PointSize = size;
  tint = color;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 tint;
uniform float size;
out vec4 result;
void main() {
  float cover = 1.0;
  if (size > 3.0) {
    float away = length(gl_PointCoord - 0.5) * size;
    cover = clamp(size * 0.5 - away + 0.25, 0.0, 1.0);
  }
  float alpha = tint.a * cover;
  result = vec4(tint.rgb * alpha, alpha);
}`;

function compile(gl: WebGL2RenderingContext, type: number, source: string): WebGLShader {
  const shader = gl.createShader(type) as WebGLShader;
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program) ?? "the shaders do not link");
  }
  return program;
}

type Resources = {
  program: WebGLProgram;
  x: WebGLBuffer;
  y: WebGLBuffer;
  color: WebGLBuffer;
  index: WebGLBuffer;
  view: WebGLUniformLocation | null;
  size: WebGLUniformLocation | null;
};

export class PointRenderer {
  readonly supported: boolean;

  #gl: WebGL2RenderingContext | null;
  #resources: Resources | null = null;
  #xs = new Float32Array(0);
  #ys = new Float32Array(0);
  #arrangement: Arrangement | null = null;

  constructor(canvas: HTMLCanvasElement, signal: AbortSignal, restored: () => void) {
    const options = { antialias: false, premultipliedAlpha: true, powerPreference: "default" };
    this.#gl = canvas.getContext("webgl2", options) as WebGL2RenderingContext | null;
    this.supported = this.#gl !== null;
    this.#build();
    canvas.addEventListener(
      "webglcontextlost",
      (event) => {
        event.preventDefault();
        this.#resources = null;
      },
      { signal },
    );
    const rebuild = () => {
      this.#build();
      this.setPoints(this.#xs, this.#ys);
      if (this.#arrangement) this.setArrangement(this.#arrangement);
      restored();
    };
    canvas.addEventListener("webglcontextrestored", rebuild, { signal });
    // A page holds few contexts: hand this one back as soon as the view goes.
    const release = () => this.#gl?.getExtension("WEBGL_lose_context")?.loseContext();
    signal.addEventListener("abort", release, { once: true });
  }

  #build(): void {
    const gl = this.#gl;
    if (!gl || gl.isContextLost()) return;
    const program = link(gl);
    const buffer = () => gl.createBuffer();
    this.#resources = {
      program,
      x: buffer(),
      y: buffer(),
      color: buffer(),
      index: buffer(),
      view: gl.getUniformLocation(program, "view"),
      size: gl.getUniformLocation(program, "size"),
    };
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  setPoints(xs: Float32Array, ys: Float32Array): void {
    [this.#xs, this.#ys] = [xs as Float32Array<ArrayBuffer>, ys as Float32Array<ArrayBuffer>];
    if (!this.#gl || !this.#resources) return;
    this.#upload(this.#gl.ARRAY_BUFFER, this.#resources.x, this.#xs);
    this.#upload(this.#gl.ARRAY_BUFFER, this.#resources.y, this.#ys);
  }

  setArrangement(arrangement: Arrangement): void {
    this.#arrangement = arrangement;
    if (!this.#gl || !this.#resources) return;
    this.#upload(this.#gl.ARRAY_BUFFER, this.#resources.color, arrangement.rgba);
    this.#upload(this.#gl.ELEMENT_ARRAY_BUFFER, this.#resources.index, arrangement.index);
  }

  #upload(target: number, buffer: WebGLBuffer, data: ArrayBufferView<ArrayBuffer>): void {
    this.#gl?.bindBuffer(target, buffer);
    this.#gl?.bufferData(target, data, WebGLRenderingContext.DYNAMIC_DRAW);
  }

  draw({ x0, x1, y0, y1 }: View, size: number): void {
    const gl = this.#gl;
    const resources = this.#resources;
    if (!gl || !resources || gl.isContextLost()) return;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    const { index, selected } = this.#arrangement ?? { index: [], selected: 0 };
    if (index.length === 0) return;
    const rest = index.length - selected;
    gl.useProgram(resources.program);
    gl.uniform4f(resources.view, x0, y0, 1 / (x1 - x0), 1 / (y1 - y0));
    this.#attribute("x", resources.x, 1, gl.FLOAT, false);
    this.#attribute("y", resources.y, 1, gl.FLOAT, false);
    this.#attribute("color", resources.color, 4, gl.UNSIGNED_BYTE, true);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, resources.index);
    gl.uniform1f(resources.size, size);
    gl.drawElements(gl.POINTS, rest, gl.UNSIGNED_INT, 0);
    // A few selected points would be lost among many pale ones.
    gl.uniform1f(
      resources.size,
      rest > 0 && selected < 500 ? Math.max(size * 1.4, 5 * devicePixelRatio) : size,
    );
    gl.drawElements(gl.POINTS, selected, gl.UNSIGNED_INT, rest * 4);
  }

  #attribute(name: string, buffer: WebGLBuffer, size: number, type: number, norm: boolean): void {
    const gl = this.#gl as WebGL2RenderingContext;
    const program = (this.#resources as Resources).program;
    const location = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, type, norm, 0, 0);
  }
}

/** Diameter of a point in CSS pixels: fewer points are drawn larger. */
export function pointSize(points: number): number {
  if (points < 500) return 7;
  if (points < 5_000) return 5;
  if (points < 50_000) return 3.5;
  return points < 500_000 ? 2.5 : 2;
}
