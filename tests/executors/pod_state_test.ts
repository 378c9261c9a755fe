import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Pod, PodStatus } from "@datatask/datatask";
import { endOf, imageOf, lastWords, waitOf } from "../../executors/pod_state.ts";

function pod(status: PodStatus, metadata: Pod["metadata"] = {}): Pod {
  return { metadata, status };
}

function terminated(
  exitCode: number,
  reason: string,
  finishedAt = "2026-11-25T12:00:10Z",
): PodStatus {
  return {
    containerStatuses: [{ name: "main", state: { terminated: { exitCode, reason, finishedAt } } }],
  };
}

/** Deleted at 12:00:10, with a grace period of 30 s. */
const deleted = { deletionTimestamp: "2026-11-25T12:00:40Z", deletionGracePeriodSeconds: 30 };

Deno.test("endOf() tells why a pod ended", () => {
  const ends: [PodStatus, string | undefined, string, Pod["metadata"]?][] = [
    [{ phase: "Succeeded", ...terminated(0, "Completed") }, undefined, "Succeeded"],
    [{ phase: "Failed", ...terminated(3, "Error") }, "user", "Failed"],
    [{ phase: "Failed", ...terminated(137, "OOMKilled") }, "oom", "OOMKilled"],
    [{ phase: "Failed", ...terminated(128, "StartError") }, "config", "StartError"],
    [{ phase: "Failed", ...terminated(127, "Error") }, "config", "Failed"],
    [
      { phase: "Failed", ...terminated(137, "ContainerStatusUnknown") },
      "infra",
      "ContainerStatusUnknown",
    ],
    [
      { phase: "Failed", reason: "DeadlineExceeded", ...terminated(0, "Completed") },
      "timeout",
      "Timeout",
    ],
    // without any container.
    [{ phase: "Failed", reason: "Evicted", message: "low on memory" }, "infra", "Evicted"],
    [{ phase: "Failed" }, "infra", "Failed"],
    [
      {
        phase: "Failed",
        conditions: [{ type: "DisruptionTarget", status: "True", reason: "PreemptionByScheduler" }],
        ...terminated(143, "Error"),
      },
      "infra",
      "PreemptionByScheduler",
    ],
    // Deleted by somebody: it may have ended well only because of that.
    [
      { phase: "Succeeded", ...terminated(0, "Completed", "2026-11-25T12:00:10Z") },
      "infra",
      "Deleted",
      deleted,
    ],
    [
      { phase: "Succeeded", ...terminated(0, "Completed", "2026-11-25T12:00:09Z") },
      undefined,
      "Succeeded",
      deleted,
    ],
    [{ phase: "Failed", ...terminated(143, "Error") }, "cancelled", "Cancelled", {
      ...deleted,
      annotations: { "datatask/ended": "cancelled" },
    }],
    [{ phase: "Failed", ...terminated(143, "Error") }, "timeout", "Timeout", {
      ...deleted,
      annotations: { "datatask/ended": "timeout: it ran longer than 4 s" },
    }],
  ];
  for (const [status, class_, reason, metadata] of ends) {
    const end = endOf(pod(status, metadata), false);
    deepStrictEqual([end?.class, end?.reason], [class_, reason], JSON.stringify(status));
  }
  strictEqual(endOf(pod({ phase: "Running" }), false), undefined);
  strictEqual(endOf(pod({ phase: "Running" }, deleted), false), undefined);
  strictEqual(endOf(pod({ phase: "Running" }), true)?.class, "infra");
  strictEqual(endOf(pod({ phase: "Succeeded" }), true)?.class, undefined);
});

Deno.test("endOf() takes the code of the container that failed, wherever it stands", () => {
  const status: PodStatus = {
    phase: "Failed",
    initContainerStatuses: [{ name: "before", state: { terminated: { exitCode: 0 } } }],
    containerStatuses: [
      { name: "fine", state: { terminated: { exitCode: 0 } } },
      { name: "broken", state: { terminated: { exitCode: 9, message: "the disk is full" } } },
    ],
  };
  strictEqual(endOf(pod(status), false)?.code, 9);
  strictEqual(lastWords(pod(status)), "the disk is full");
});

Deno.test("endOf() knows no code of a container that never ran, whatever the node makes up for it", () => {
  const status: PodStatus = {
    phase: "Failed",
    containerStatuses: [{
      name: "main",
      state: { terminated: { exitCode: 137, reason: "ContainerStatusUnknown" } },
    }],
  };
  strictEqual(endOf(pod(status), false)?.code, undefined);
  strictEqual(endOf(pod(status, deleted), true)?.code, undefined);
});

Deno.test("endOf() says of a pod that was cancelled that it was cancelled", () => {
  const metadata = { ...deleted, annotations: { "datatask/ended": "cancelled" } };
  strictEqual(endOf(pod({ phase: "Running" }, metadata), true)?.message, "it was cancelled");
});

Deno.test("waitOf() tells what passes from what may not", () => {
  const waiting = (reason: string): PodStatus => ({
    phase: "Pending",
    containerStatuses: [
      { name: "a", state: { waiting: { reason: "ContainerCreating" } } },
      { name: "b", state: { waiting: { reason, message: "why" } } },
    ],
  });
  deepStrictEqual(waitOf(pod(waiting("PodInitializing"))), {
    reason: "ContainerCreating",
    message: undefined,
    grave: false,
  });
  for (const reason of ["ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"]) {
    deepStrictEqual(waitOf(pod(waiting(reason))), { reason, message: "why", grave: true });
  }
  const scheduled = (reason: string): PodStatus => ({
    phase: "Pending",
    conditions: [{ type: "PodScheduled", status: "False", reason }],
  });
  strictEqual(waitOf(pod(scheduled("Unschedulable")))?.grave, true);
  strictEqual(waitOf(pod(scheduled("SchedulingGated")))?.grave, false);
  strictEqual(waitOf(pod({ phase: "Pending" })), undefined);
});

Deno.test("imageOf() takes the container that the pod is for", () => {
  const spec = { containers: [{ name: "proxy", image: "a" }, { name: "main", image: "b" }] };
  strictEqual(imageOf({ spec }), "a");
  const annotations = { "kubectl.kubernetes.io/default-container": "main" };
  strictEqual(imageOf({ spec, metadata: { annotations } }), "b");
  strictEqual(imageOf({}), undefined);
});
