import { rejects, strictEqual } from "node:assert/strict";
import { PodRequests } from "../../executors/pod_requests.ts";
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
