/**
 * Races datatask against its peers, scenario by scenario, and writes the tables into README.md beside this file.
 *
 * `deno task bench [SCENARIO[:N] ...]`; all rows that are kept in README.md, if none is named.
 *
 * @module
 */

const here = new URL(".", import.meta.url).pathname;
const readme = `${here}README.md`;

/** The rows that are kept, and who takes part. */
const ROWS: readonly { readonly scenario: string; readonly n: number; readonly peers: string }[] = [
  { scenario: "noop", n: 0, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "noop", n: 10_000, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "noop", n: 100_000, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "noop", n: 1_000_000, peers: "deno-floor,pydatatask,xargs" },
  { scenario: "incremental", n: 100_000, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "spawn", n: 2_000, peers: "pydatatask,xargs,ninja,make,doit,parallel" },
  { scenario: "chain", n: 200, peers: "pydatatask,ninja,make" },
  { scenario: "inproc", n: 10_000, peers: "deno-floor,pydatatask,pydatatask-yaml,doit" },
  { scenario: "cpu", n: 400, peers: "deno-floor,pydatatask,joblib" },
];

async function race(scenario: string, n: number, peers: string): Promise<string> {
  const { code, stdout } = await new Deno.Command(`${here}run`, {
    args: [
      scenario,
      `--n=${n}`,
      `--peers=${peers}`,
      `--cmd=datatask=env XDG_STATE_HOME={state} deno run -A --config ${here}../../deno.json ${here}contestant.ts {scenario} {jobs} {state}`,
    ],
    stderr: "inherit",
  }).output();
  const table = new TextDecoder().decode(stdout);
  console.log(table);
  if (code !== 0) throw new Error(`Cannot race ${scenario} n=${n}: a run failed, see above`);
  return table;
}

const wanted = Deno.args.map((word) => word.split(":"));
const rows = wanted.length === 0 ? ROWS : ROWS.filter(({ scenario, n }) =>
  wanted.some(([name, count]) => name === scenario && (count === undefined || Number(count) === n))
);
const tables: string[] = [];
for (const { scenario, n, peers } of rows) tables.push(await race(scenario, n, peers));
if (wanted.length === 0) {
  const { stdout } = await new Deno.Command(`${here}run`, { args: ["versions"] }).output();
  const { machine, ...versions }: Record<string, string> = JSON.parse(new TextDecoder().decode(stdout));
  const heading = `${new Date().toISOString().slice(0, 10)}, ${machine}; ` +
    Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  const [before, after] = (await Deno.readTextFile(readme)).split(/(?<=<!-- race -->\n)[^]*(?=<!-- end -->)/);
  await Deno.writeTextFile(readme, `${before}\n${heading}.\n\n\`\`\`text\n${tables.join("\n")}\`\`\`\n\n${after}`);
}
