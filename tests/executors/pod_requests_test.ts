import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { PodRequests } from "../../executors/pod_requests.ts";
import { interceptWarnings } from "../../lib/warnings.ts";
import { FakeEnv } from "../lib/engine/fake_env.ts";
import { hastyEnv } from "./kube.ts";

Deno.test("PodRequests does not try again what Deno does not permit, and says what to do", async () => {
  const requests = new PodRequests("default", 50, hastyEnv);
  const asked = requests.send(
    { doing: "list pods", permission: "list pods" },
    () =>
      Promise.reject(
        new Deno.errors.NotCapable(
          'Requires net access to "cluster:443", run again with the --allow-net flag',
        ),
      ),
  );
  await rejects(asked, {
    name: "StoreError",
    message:
      'Cannot list pods: Requires net access to "cluster:443", run again with the --allow-net flag',
  });
  strictEqual(requests.count, 1);
});

Deno.test("A-53: PodRequests tries again what was not answered in time, which has a number that is no status", async () => {
  const requests = new PodRequests("default", 50, hastyEnv);
  const answer = await requests.send(
    { doing: "list pods", permission: "list pods" },
    () =>
      requests.count === 1
        ? Promise.reject(new DOMException("the server does not answer", "TimeoutError"))
        : Promise.resolve("pods"),
  );
  strictEqual(answer, "pods");
});

const LIST = { doing: "list pods", permission: "list pods" };

Deno.test("PodRequests is not long in giving up a cluster where nobody listens, and says meanwhile what it does", async () => {
  for (
    const message of [
      "error sending request: tcp connect error: Connection refused (os error 111)",
      "error sending request: dns error: failed to lookup address information",
    ]
  ) {
    const env = new FakeEnv();
    const warnings: string[] = [];
    using _ = interceptWarnings((warning) => void warnings.push(warning));
    const requests = new PodRequests("default", 50, env);
    const asked = requests.send(LIST, () => Promise.reject(new TypeError(message)));
    await rejects(env.until(asked), {
      message: `Cannot list pods: ${message}; see that the cluster can be reached, and try again`,
    });
    deepStrictEqual(warnings, [
      `Cannot list pods yet: ${message}; it is tried again until 2026-01-01T00:00:10.000Z`,
    ]);
    strictEqual(env.elapsed() <= 10_000, true, `${env.elapsed()} ms`);
    strictEqual(env.timers, 0);
  }
});

Deno.test("PodRequests waits for a cluster that has answered before, and warns once of each time that it does not", async () => {
  const env = new FakeEnv();
  const warnings: string[] = [];
  using _ = interceptWarnings((warning) => void warnings.push(warning));
  const requests = new PodRequests("default", 50, env);
  let away = false;
  const list = (): Promise<string> =>
    requests.send(
      LIST,
      () => away ? Promise.reject(new TypeError("Connection refused")) : Promise.resolve("pods"),
    );
  for (let outage = 1; outage <= 2; outage++) {
    strictEqual(await env.until(list()), "pods");
    away = true;
    const both = Promise.all([list(), list()]);
    await env.advance(30_000);
    away = false;
    deepStrictEqual(await env.until(both), ["pods", "pods"]);
    strictEqual(warnings.length, outage);
  }
  const { promise, resolve } = Promise.withResolvers<string>();
  const silent = requests.send(LIST, () => promise);
  await env.advance(3_000);
  resolve("pods");
  strictEqual(await silent, "pods");
  strictEqual(
    warnings.at(-1)?.startsWith("Cannot list pods yet: the cluster does not answer; "),
    true,
  );
});

Deno.test("PodRequests sends no more than it may: a burst, and then so many a second", async () => {
  const env = new FakeEnv();
  const requests = new PodRequests("default", 10, env);
  const sent: number[] = [];
  const all = Promise.all(Array.from({ length: 50 }, () =>
    requests.send(LIST, () => {
      sent.push(env.elapsed());
      return Promise.resolve();
    })));
  await env.until(all);
  for (const second of [0, 1, 2]) {
    strictEqual(sent.filter((at) => at <= second * 1000).length, 20 + second * 10, `${second} s`);
  }
  strictEqual(requests.count, 50);
  strictEqual(env.timers, 0);
});
