import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { diagramOf, dotText, mermaidText } from "../../../lib/cli/diagram.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { FakeMetadata } from "../fake_stores.ts";
import { Programs } from "./programs.ts";

function pipeline(): Pipeline {
  const books = new FakeMetadata('the "books" \\o/');
  const counts = new FakeMetadata("counts");
  const count = new InProcessSyncTask("count", new FakeMetadata("counted"))
    .link("books", books, { isInput: true })
    .link("counts", counts, { isOutput: true });
  const rate = new InProcessSyncTask("rate", new FakeMetadata("rated"))
    .link("counts", counts.map((info) => info), { isInput: true });
  return new Pipeline([count, rate]);
}

Deno.test("mermaidText() draws tasks, repositories and what goes between them", () => {
  strictEqual(
    mermaidText(diagramOf(pipeline())),
    `flowchart LR
  task1["count"]
  repository1[("count.done")]
  repository2[("books")]
  repository3[("counts")]
  task2["rate"]
  repository4[("rate.done")]
  repository5[("counts")]
  task1 -.-> repository1
  repository2 --> task1
  task1 --> repository3
  task2 -.-> repository4
  repository3 --> repository5
  repository5 --> task2
`,
  );
});

Deno.test("dotText() draws the same, and says where repositories are", () => {
  strictEqual(
    dotText(diagramOf(pipeline())),
    String.raw`digraph {
  rankdir=LR
  task1 [shape=box label="count"]
  repository1 [shape=cylinder label="count.done" tooltip="counted"]
  repository2 [shape=cylinder label="books" tooltip="the \"books\" \\o/"]
  repository3 [shape=cylinder label="counts" tooltip="counts"]
  task2 [shape=box label="rate"]
  repository4 [shape=cylinder label="rate.done" tooltip="rated"]
  repository5 [shape=cylinder label="counts" tooltip="<MapRepository of counts>"]
  task1 -> repository1 [style=dashed]
  repository2 -> task1
  task1 -> repository3
  task2 -> repository4 [style=dashed]
  repository3 -> repository5
  repository5 -> task2
}
`,
  );
});

Deno.test("diagramOf() names every edge of the graph", () => {
  const { edges } = diagramOf(pipeline());
  deepStrictEqual(edges.slice(0, 3), [
    {
      from: "repository1",
      to: "task1",
      link: "done",
      flags: ["isStatus", "inhibitsStart", "requiredForOutput"],
    },
    {
      from: "task1",
      to: "repository1",
      link: "done",
      flags: ["isStatus", "inhibitsStart", "requiredForOutput"],
    },
    {
      from: "repository2",
      to: "task1",
      link: "books",
      flags: ["isInput", "requiredForStart"],
    },
  ]);
});

Deno.test("graph draws a pipeline that cannot be opened", async () => {
  await using programs = new Programs();
  const program = `
    const books = new FakeMetadata("books");
    books.failing.add("validate false");
    await main(new Pipeline([makeTask("count", books)]));
  `;
  const mermaid = await programs.run(program, ["graph"]);
  deepStrictEqual([mermaid.code, mermaid.stderr], [0, ""]);
  strictEqual(mermaid.stdout.split("\n")[0], "flowchart LR");
  const json = await programs.run(program, ["graph", "--json"]);
  strictEqual(JSON.parse(json.stdout).nodes.length, 3);
  strictEqual(json.stdout, (await programs.run(program, ["graph", "--format=json"])).stdout);
});
