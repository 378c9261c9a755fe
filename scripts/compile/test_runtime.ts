/**
 * A runtime for tests, where the one that belongs to this Deno cannot be had: the newest that a package on npm carries.
 *
 * Deno 2.9 writes the program into a note of the executable, the older runtime looks for it at the end of its file.
 */

import { join } from "node:path";
import { run } from "./command.ts";

/** A package whose program was compiled by Deno 2.7.11, and its hash. */
const CARRIER = "@stdy/cli-linux-x64@0.22.2";
const CARRIER_SHA256 = "9f421f2809eeac41b1a70a9f85a6b408153956cc7797f51d5383f0233f1b5cbe";
const CARRIER_PROGRAM = "package/bin/steady";

/** What marks the end of a file that holds a program. */
const TRAILER_MAGIC = 0x501e;

/** The runtime alone, without the program that came with it. */
export async function testRuntime(): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir();
  try {
    const [name = ""] = (await run("npm", ["pack", "--silent", CARRIER], { cwd: folder })).trim()
      .split("\n");
    const archive = join(folder, name);
    const hash = new Uint8Array(
      await crypto.subtle.digest("SHA-256", await Deno.readFile(archive)),
    ).toHex();
    if (hash !== CARRIER_SHA256) {
      throw new Error(`${CARRIER} has the sha256 ${hash}, and not ${CARRIER_SHA256}`);
    }
    await run("tar", ["xzf", archive, CARRIER_PROGRAM], { cwd: folder });
    const program = await Deno.readFile(join(folder, CARRIER_PROGRAM));
    return program.slice(0, sectionsOf(program).end);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Moves the program that an executable of Deno 2.9 holds to an older runtime. */
export function graft(
  held: Uint8Array<ArrayBuffer>,
  runtime: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const { key, payload } = noteOf(held);
  const adapted = withMetadata(payload, (metadata) => {
    metadata.unstable_config.bare_node_builtins ??= false; // the older one insists on it
  });
  const trailer = new DataView(new ArrayBuffer(16));
  trailer.setUint32(0, TRAILER_MAGIC, true);
  trailer.setUint32(4, key.reduce((sum, byte) => sum + byte, 0), true);
  trailer.setBigUint64(8, BigInt(adapted.length + trailer.byteLength), true);
  return concat(runtime, adapted, new Uint8Array(trailer.buffer));
}

interface Section {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** The sections of an ELF file of 64 bits, and where they, and so the file as it was linked, end. */
function sectionsOf(file: Uint8Array<ArrayBuffer>): { sections: Section[]; end: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const table = Number(view.getBigUint64(0x28, true));
  const [size, count, names] = [0x3a, 0x3c, 0x3e].map((at) => view.getUint16(at, true)) as [
    number,
    number,
    number,
  ];
  const field = (section: number, at: number): number =>
    Number(view.getBigUint64(table + section * size + at, true));
  const nameOf = (section: number): string => {
    const start = field(names, 0x18) + view.getUint32(table + section * size, true);
    return new TextDecoder().decode(file.subarray(start, file.indexOf(0, start)));
  };
  const sections = Array.from({ length: count }, (_, at) => ({
    name: nameOf(at),
    offset: field(at, 0x18),
    size: field(at, 0x20),
  }));
  return { sections, end: table + size * count };
}

/** What the note holds: a name, and the program. */
function noteOf(
  file: Uint8Array<ArrayBuffer>,
): { key: Uint8Array; payload: Uint8Array<ArrayBuffer> } {
  const section = sectionsOf(file).sections.find(({ name }) => name === ".note.sui");
  if (section === undefined) {
    throw new Error("The compiled file holds no program where one was expected");
  }
  const note = file.subarray(section.offset, section.offset + section.size);
  const view = new DataView(note.buffer, note.byteOffset, note.byteLength);
  const [nameSize, size] = [view.getUint32(0, true), view.getUint32(4, true)];
  const start = 12 + Math.ceil(nameSize / 4) * 4;
  const content = note.subarray(start, start + size);
  const keySize = view.getUint16(start, true);
  return { key: content.subarray(2, 2 + keySize), payload: content.subarray(2 + keySize) };
}

interface Metadata {
  readonly unstable_config: { bare_node_builtins?: boolean };
}

/** Changes the metadata of a program: JSON, its length before it, behind eight bytes of magic. */
function withMetadata(
  payload: Uint8Array<ArrayBuffer>,
  change: (metadata: Metadata) => void,
): Uint8Array<ArrayBuffer> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const length = Number(view.getBigUint64(8, true));
  const metadata = JSON.parse(new TextDecoder().decode(payload.subarray(16, 16 + length)));
  change(metadata);
  const text = new TextEncoder().encode(JSON.stringify(metadata));
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(text.length), true);
  return concat(
    payload.subarray(0, 8),
    new Uint8Array(size.buffer),
    text,
    payload.subarray(16 + length),
  );
}

function concat(...pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
