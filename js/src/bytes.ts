/** Buffers as hosts deliver them, read the same way whatever they are wrapped in. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** A buffer as some host hands it over: JupyterLab a DataView, others an ArrayBuffer or a typed array. */
export type HostBuffer = ArrayBufferLike | ArrayBufferView;

export function asBytes(buffer: HostBuffer): Bytes {
  if (ArrayBuffer.isView(buffer)) {
    return new Uint8Array(buffer.buffer as ArrayBuffer, buffer.byteOffset, buffer.byteLength);
  }
  return new Uint8Array(buffer as ArrayBuffer);
}

/** Bytes whose start is a multiple of `size`, copied only when they are not already. */
function aligned(bytes: Bytes, size: number): Bytes {
  return bytes.byteOffset % size === 0 ? bytes : bytes.slice();
}

export function asU16(bytes: Bytes): Uint16Array<ArrayBuffer> {
  const data = aligned(bytes, 2);
  return new Uint16Array(data.buffer, data.byteOffset, data.byteLength >> 1);
}

export function asU32(bytes: Bytes): Uint32Array<ArrayBuffer> {
  const data = aligned(bytes, 4);
  return new Uint32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
}

export function asF32(bytes: Bytes): Float32Array<ArrayBuffer> {
  const data = aligned(bytes, 4);
  return new Float32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
}

export function fromBase64(text: string): Bytes {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
