import { strictEqual } from "node:assert/strict";
import { describeShortage } from "../../../lib/engine/shortage.ts";
import { Resources } from "../../../lib/resources.ts";

const CHANGE = "; lower its task's option jobResources, or raise the quota of its resources";

for (
  const [needed, total, text] of [
    [Resources.parse("1.5", 0), Resources.parse(1, 0), "needs 1.5 CPU, and there is 1 in all"],
    [Resources.parse(1000, 0), Resources.parse(4, 0), "needs 1000 CPU, and there are 4 in all"],
    [Resources.parse(1, 0), Resources.parse("500m", 0), "needs 1 CPU, and there is 0.5 in all"],
    [
      Resources.parse(1, "16Gi"),
      Resources.parse(1, "8203194368"),
      "needs 16 GiB of memory, and there is 7.64 GiB in all",
    ],
    [
      Resources.parse(1, "1.5Gi"),
      Resources.parse(1, "512Mi"),
      "needs 1.5 GiB of memory, and there is 512 MiB in all",
    ],
    [
      Resources.parse(1, "1073741825"),
      Resources.parse(1, "1Gi"),
      "needs 1073741825 bytes of memory, and there is 1073741824 in all",
    ],
    [
      Resources.parse(1, "100"),
      Resources.parse(1, 0),
      "needs 100 bytes of memory, and there is 0 in all",
    ],
  ] as const
) {
  Deno.test(`a shortage is told with both amounts: ${text}`, () => {
    const lacking = needed.excess(total)!;
    strictEqual(describeShortage({ lacking, needed, total }), `it ${text}${CHANGE}`);
  });
}

Deno.test("a quota without launches is told, with what to change", () => {
  strictEqual(
    describeShortage({
      lacking: "RATE",
      needed: new Resources(1, 1, 1),
      total: new Resources(4, 4),
    }),
    "the quota of its resources allows no launch at all; make it with Resources.parse(cpu, mem), or with more launches",
  );
});
