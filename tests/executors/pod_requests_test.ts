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
