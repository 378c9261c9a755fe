import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { changes } from "../../lib/changes.ts";
import type { RepositoryChange } from "../../lib/repository.ts";

/** A source of changes that counts how often it was begun and ended. */
class Source {
  begun = 0;
  ended = 0;
  push: (change: RepositoryChange) => void = () => {};
  fail: (error: unknown) => void = () => {};

  readonly begin: Parameters<typeof changes>[1] = (push, fail) => {
    this.begun++;
    this.push = push;
    this.fail = fail;
    return { [Symbol.dispose]: () => void this.ended++ };
  };
}

function put(job: string): RepositoryChange {
  return { type: "put", job };
}

Deno.test("changes() gives what was told before and after it was asked", async () => {
  const source = new Source();
  const watch = changes(new AbortController().signal, source.begin);
  const first = watch.next();
  source.push(put("a"));
  source.push(put("b"));
  deepStrictEqual((await first).value, put("a"));
  deepStrictEqual((await watch.next()).value, put("b"));
  const third = watch.next();
  await Promise.resolve();
  source.push(put("c"));
  deepStrictEqual((await third).value, put("c"));
  await watch.return();
  strictEqual(source.begun, 1);
  strictEqual(source.ended, 1);
});

Deno.test("changes() begins when it is asked for the first change, and not at all when it was aborted before", async () => {
  const source = new Source();
  const aborted = AbortSignal.abort();
  changes(new AbortController().signal, source.begin);
  deepStrictEqual(await Array.fromAsync(changes(aborted, source.begin)), []);
  strictEqual(source.begun, 0);
});

Deno.test("changes() ends its source when the signal is aborted, even if nobody asks any more", async () => {
  const source = new Source();
  const controller = new AbortController();
  const watch = changes(controller.signal, source.begin);
  const first = watch.next();
  source.push(put("a"));
  await first;
  controller.abort();
  strictEqual(source.ended, 1);
  source.push(put("b"));
  strictEqual((await watch.next()).done, true);
});

Deno.test("changes() ends while it waits when the signal is aborted", async () => {
  const controller = new AbortController();
  const all = Array.fromAsync(changes(controller.signal, new Source().begin));
  controller.abort();
  deepStrictEqual(await all, []);
});

Deno.test("changes() gives what was told before an error, then the error", async () => {
  const source = new Source();
  const watch = changes(new AbortController().signal, source.begin);
  const first = watch.next();
  source.push(put("a"));
  source.fail(new Error("gone"));
  deepStrictEqual((await first).value, put("a"));
  await rejects(watch.next(), { message: "gone" });
  strictEqual(source.ended, 1);
});

Deno.test("changes() makes a relist of what waits when that is too much", async () => {
  const source = new Source();
  const controller = new AbortController();
  const watch = changes(controller.signal, source.begin);
  const first = watch.next();
  for (let i = 0; i < 65537; i++) source.push(put(`job-${i}`));
  deepStrictEqual((await first).value, { type: "relist" });
  deepStrictEqual((await watch.next()).value, put("job-65536"));
  await watch.return();
});
