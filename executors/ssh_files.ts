/**
 * Files on other machines, as streams.
 *
 * @module
 */

import { StoreError } from "../lib/errors.ts";
import { machineError } from "./machine_error.ts";
import type { SshClient, SshProcess } from "./ssh_api.ts";
import { shquote } from "./sh.ts";
import { giveUp, startRemote } from "./ssh_shell.ts";

/**
 * Opens a file to read it.
 *
 * @param client The machine.
 * @param path The file.
 * @param offset How many bytes of it to leave out.
 * @returns What follows. It fails with a `StoreError` if it cannot be read to its end.
 * @throws {StoreError} If the machine is out of reach.
 */
export async function readRemote(
  client: SshClient,
  path: string,
  offset: number,
): Promise<ReadableStream<Uint8Array>> {
  const file = shquote(path);
  const process = await startRemote(client, `exec tail -c +${offset + 1} -- ${file} < /dev/null`);
  const complaint = textOf(process.stderr);
  process.stdin.close().catch(() => {}); // how it ended tells more
  return process.stdout.pipeThrough(
    new TransformStream({
      flush: () => check(process, complaint, `read ${path} on ${client}`),
      cancel: () => giveUp(process),
    }),
  );
}

/**
 * Opens a file to write it anew, for this user only.
 *
 * @param client The machine.
 * @param path The file.
 * @returns Takes what is written. It is there when the stream is closed.
 * @throws {StoreError} If the machine is out of reach.
 */
export async function writeRemote(
  client: SshClient,
  path: string,
): Promise<WritableStream<Uint8Array>> {
  const doing = `write ${path} on ${client}`;
  const process = await startRemote(client, `umask 077; cat > ${shquote(path)}`);
  const complaint = textOf(process.stderr);
  const stdin = process.stdin.getWriter();
  stdin.closed.catch(() => {}); // told by the calls that fail
  return new WritableStream({
    async write(chunk) {
      await stdin.write(chunk).catch(async (error) => {
        await check(process, complaint, doing);
        throw machineError(doing, error);
      });
    },
    async close() {
      await stdin.close().catch(() => {}); // how it ended tells more
      await check(process, complaint, doing);
    },
    abort: () => giveUp(process),
  });
}

/** Throws unless a program has ended well. */
async function check(
  process: SshProcess,
  complaint: Promise<string>,
  doing: string,
): Promise<void> {
  let code: number;
  try {
    code = (await process.status).code;
  } catch (error) {
    throw machineError(doing, error);
  }
  if (code === 0) return;
  throw new StoreError(machineError(doing, await complaint || `code ${code}`).message);
}

/** What a program complains of: the first line, so that it fits into a message. */
async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  try {
    return (await new Response(stream).text()).trim().split("\n", 1)[0]!;
  } catch {
    return "";
  }
}
