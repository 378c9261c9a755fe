import { deepStrictEqual, ok } from "node:assert/strict";
import { engineOf, Pipeline } from "../../lib/pipeline.ts";
import { Session } from "../../lib/session.ts";
import { turn } from "./engine/fake_env.ts";
import { MemoryStore } from "./engine/memory_store.ts";
import { keys, makeTask } from "./engine/workshop.ts";

Deno.test("Pipeline.close() called twice closes once, when the records of what has ended are kept", async () => {
  const log: string[] = [];
  const session = new Session();
  session.resource(async function* store() {
    yield 1;
    log.push("closed");
  });
  const recording = Promise.withResolvers<void>();
  const done = new MemoryStore("done");
  done.slow.set("dump", recording.promise);
  const task = makeTask("task", { input: new MemoryStore("in", keys("a")), done });
  const pipeline = new Pipeline([task], session);
  await pipeline.open();
  const ended = engineOf(pipeline).launch(task, "a", { sync: true });
  await turn();
  const closing = [pipeline.close(), pipeline.close()];
  await turn();
  deepStrictEqual(log, []);
  recording.resolve();
  await Promise.all([...closing, ended]);
  deepStrictEqual(log, ["closed"]);
  ok(done.data.has("a"));
  await pipeline.open();
  await pipeline.close();
  deepStrictEqual(log, ["closed", "closed"]);
});
