import { deepStrictEqual } from "node:assert/strict";
import { stateFolder } from "../../lib/state_folder.ts";
import { deadUploads, noteUpload } from "../../repos/s3_upload_notes.ts";
import { removeNotes } from "./s3_fixture.ts";

const DAY = 24 * 3_600_000;

/** Whether there is a note on a bucket. */
function isNoted(bucket: string): boolean {
  const folder = `${stateFolder()}/.s3-uploads`;
  return [...Deno.readDirSync(folder)].some(({ name }) =>
    contentOf(`${folder}/${name}`).includes(`"${bucket}"`)
  );
}

function contentOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return ""; // that of another test, which has ended
  }
}

/** Makes the notes on a bucket so old. */
function age(bucket: string, days: number): void {
  const folder = `${stateFolder()}/.s3-uploads`;
  const then = new Date(Date.now() - days * DAY);
  for (const { name } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (contentOf(path).includes(`"${bucket}"`)) Deno.utimeSync(path, then, then);
  }
}

Deno.test("deadUploads() forgets what was left in a bucket that nobody has used for a month", () => {
  const [forgotten, recent, live] = [0, 1, 2].map(() => `datatask-${crypto.randomUUID()}`);
  const place = "http://nowhere";
  const notes = [forgotten!, recent!, live!].map((bucket) =>
    noteUpload({ place, bucket, key: "key" })
  );
  try {
    notes[0]?.release();
    notes[1]?.release();
    age(forgotten!, 31);
    age(recent!, 29);
    age(live!, 31);
    deepStrictEqual(deadUploads(place, `datatask-${crypto.randomUUID()}`), []);
    deepStrictEqual([forgotten!, recent!, live!].map(isNoted), [false, true, true]);
  } finally {
    notes[2]?.remove();
    for (const bucket of [forgotten!, recent!, live!]) removeNotes(bucket);
  }
});
