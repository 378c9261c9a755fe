/**
 * The verb `graph`: the pipeline as a diagram.
 *
 * @module
 */

import type { Diagram } from "./diagram.ts";
import { writeOutput } from "./output.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** The verb `graph`. */
export const graphVerb: Verb = {
  name: "graph",
  summary: "Draw the pipeline as a Mermaid, DOT or JSON graph",
  options: {
    format: {
      type: "string",
      values: ["mermaid", "dot", "json"],
      description: "mermaid, which is the default, dot or json",
    },
    json: { type: "boolean", description: "write JSON" },
  },
  opens: false,
  async run({ pipeline, options }) {
    const name = options.json === true ? "json" : String(options.format ?? "mermaid");
    const { diagramOf, dotText, mermaidText } = await import("./diagram.ts");
    const formats: ReadonlyMap<string, (diagram: Diagram) => string> = new Map([
      ["mermaid", mermaidText],
      ["dot", dotText],
      ["json", (diagram: Diagram) => `${JSON.stringify(diagram, undefined, 2)}\n`],
    ]);
    const format = formats.get(name);
    if (format === undefined) {
      const { didYouMean } = await import("./suggest.ts");
      throw new UsageError(
        `There is no format "${name}"${didYouMean(name, formats.keys(), "formats")}`,
      );
    }
    await writeOutput(format(diagramOf(pipeline)));
  },
};
