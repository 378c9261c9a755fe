/**
 * Races datatask against its peers, scenario by scenario, and writes the tables into README.md beside this file.
 *
 * `deno task bench [SCENARIO[:N] ... | figures]`; all that is kept in README.md, if nothing is named.
 *
 * @module
 */

const here = new URL(".", import.meta.url).pathname;
const readme = `${here}README.md`;

/** What is raced, and against whom. */
interface Row {
  readonly scenario: string;
  readonly n: number;
  readonly peers: string;
  /** How often; less, where a peer takes minutes. */
  readonly repeat?: number;
}

/** The rows that are kept. */
const ROWS: readonly Row[] = [
  { scenario: "noop", n: 0, peers: "deno-floor,pydatatask,xargs,ninja,make", repeat: 5 },
  { scenario: "noop", n: 10_000, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "noop", n: 100_000, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "noop", n: 1_000_000, peers: "deno-floor,pydatatask,xargs", repeat: 2 },
  { scenario: "incremental", n: 100_000, peers: "deno-floor,pydatatask,xargs,ninja,make" },
  { scenario: "spawn", n: 2_000, peers: "deno-floor,xargs,ninja,make,doit,parallel" },
  { scenario: "spawn", n: 100, peers: "pydatatask", repeat: 1 }, // which takes minutes for 2,000
  { scenario: "chain", n: 1, peers: "deno-floor,pydatatask,ninja,make", repeat: 5 },
  { scenario: "chain", n: 200, peers: "deno-floor,ninja,make", repeat: 5 },
  { scenario: "chain", n: 20, peers: "pydatatask", repeat: 1 }, // likewise
  { scenario: "inproc", n: 10_000, peers: "deno-floor,pydatatask,pydatatask-yaml,doit" },
  { scenario: "cpu", n: 400, peers: "deno-floor,pydatatask,joblib" },
];

/**
 * As in a project of a user, whose configuration has the packages that mod.ts may load. That of this repository has those
 * of the tests as well, among which Deno finds its way at each start.
 */
const CONTESTANT = `deno run -A --config ${here}contestant.json ${here}contestant.ts {scenario} {jobs} {state}`;

/** What is kept from one start to the next is in the contestant's state, which is not empty where that is kept. */
const WARM = `datatask=env XDG_STATE_HOME={state} ${CONTESTANT}`;

/** As if it was started for the first time. */
const COLD = `datatask-cold=sh -c "rm -rf {state}/*; XDG_STATE_HOME={state} exec ${CONTESTANT}"`;

async function race({ scenario, n, peers, repeat = 3 }: Row): Promise<string> {
  const commands = scenario === "noop" ? [WARM, COLD] : [WARM];
  const table = await output(`${here}run`, [
    scenario,
    `--n=${n}`,
    `--peers=${peers}`,
    `--repeat=${repeat}`,
    "--wait=5",
    ...commands.map((command) => `--cmd=${command}`),
  ]);
  console.log(table);
  return table;
}

async function figures(): Promise<string> {
  const table = await output(Deno.execPath(), ["run", "-A", "--v8-flags=--expose-gc", `${here}figures.ts`]);
  console.log(table);
  return table;
}

async function output(program: string, args: string[]): Promise<string> {
  const { code, stdout } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  const text = new TextDecoder().decode(stdout);
  if (code === 0) return text;
  console.log(text);
  throw new Error(`${[program, ...args].join(" ")} failed, see above`);
}

async function keep(mark: string, tables: string): Promise<void> {
  const [before, after] = (await Deno.readTextFile(readme)).split(
    new RegExp(`(?<=<!-- ${mark} -->\\n)[^]*?(?=<!-- end -->)`),
  );
  if (after === undefined) throw new Error(`Cannot keep the tables: ${readme} has no mark "${mark}"`);
  const heading = `${new Date().toISOString().slice(0, 10)}, ${await machine()}.`;
  await Deno.writeTextFile(readme, `${before}\n${heading}\n\n\`\`\`text\n${tables}\`\`\`\n\n${after}`);
}

async function machine(): Promise<string> {
  const { machine, ...versions }: Record<string, string> = JSON.parse(await output(`${here}run`, ["versions"]));
  return `${machine}; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}`;
}

if (Deno.args.length === 0) {
  const tables: string[] = [];
  for (const row of ROWS) tables.push(await race(row));
  await keep("race", tables.join("\n"));
  await keep("figures", await figures());
} else if (Deno.args[0] === "figures") {
  await keep("figures", await figures());
} else {
  for (const word of Deno.args) {
    const [name, count] = word.split(":");
    const rows = ROWS.filter(({ scenario, n }) =>
      scenario === name && (count === undefined || n === Number(count))
    );
    if (rows.length === 0) throw new Error(`There is no row "${word}"`);
    for (const row of rows) await race(row);
  }
}
