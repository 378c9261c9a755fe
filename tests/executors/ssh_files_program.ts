/**
 * Carries a file of some bytes to another machine and back: `ssh_files_program.ts REMOTE SIZE`. Prints how many bytes came
 * back as they were, and by how many bytes the memory of the program grew at most meanwhile.
 *
 * @module
 */

import { SSHLinuxManager } from "../../mod.ts";
import { connect } from "./ssh.ts";

const [remotePath = ".", size = "0"] = Deno.args;

/** The most memory that the program has ever had, in bytes. */
function peak(): number {
  return Number(/VmHWM:\s*(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]) * 1024;
}

await using client = await connect();
await using manager = new SSHLinuxManager("app", client, { remotePath });
await manager.open();
const before = peak();
const chunk = crypto.getRandomValues(new Uint8Array(50_000));
function* chunks(): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < Number(size); at += chunk.length) yield chunk;
}
const path = `${remotePath}/file`;
await ReadableStream.from(chunks()).pipeTo(await manager.writable(path));
let same = 0;
for await (const bytes of await manager.readable(path)) {
  for (const byte of bytes) if (byte === chunk[same % chunk.length]) same++;
}
console.log(JSON.stringify({ same, grown: peak() - before }));
