import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { sshServer } from "../servers.ts";
import { temporaryFolder } from "../executors/processes.ts";
import { namesIn } from "../temporary_folder.ts";

const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";
const ADDRESS = "1861_abraham_lincoln_r";
const REPORT = `Abraham Lincoln (Republican), 1861
The most frequent long words of ${ADDRESS} are:
  congress, 29 times
  government, 26 times
  general, 20 times
  capital, 16 times
  country, 16 times
The address has 6951 words, 1734 different ones.
`;

async function example(
  results: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("../../examples/process.ts", import.meta.url).pathname, ...args],
    env: { NO_COLOR: "1", EXAMPLE_RESULTS: results, ...env },
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("examples/process.ts takes an address through its stages on this machine", async () => {
  await using folder = await temporaryFolder();
  for (const task of ["split", "count", "merge"]) {
    const { code, err } = await example(folder.path, ["launch", "--sync", task, ADDRESS]);
    strictEqual(code, 0, err);
  }
  strictEqual((await example(folder.path, ["cat", "merge.stdout", ADDRESS])).out, REPORT);
});

Deno.test("examples/process.ts runs all its stages for the addresses that are not done, and a second run does nothing", async () => {
  await using folder = await temporaryFolder();
  const some = [ADDRESS, "1790_george_washington_n", "2021_joseph_r_biden_d"];
  const all = (await example(folder.path, ["ls", "split.stdin"])).out.trimEnd().split("\n");
  strictEqual(all.length, 233);
  await Deno.mkdir(`${folder.path}/done/split`, { recursive: true });
  for (const address of all.filter((address) => !some.includes(address))) {
    await Deno.writeTextFile(`${folder.path}/done/split/${address}.yaml`, "success: true\n");
  }
  const { code, err } = await example(folder.path, ["run"]);
  strictEqual(code, 0, err);
  match(err, /split: 3 done\ncount: 3 done\nmerge: 3 done\n$/);
  deepStrictEqual(
    namesIn(`${folder.path}/reports`),
    some.map((address) => `${address}.txt`).sort(),
  );
  strictEqual(await Deno.readTextFile(`${folder.path}/reports/${ADDRESS}.txt`), REPORT);
  const [words] = (await Deno.readTextFile(`${folder.path}/words/${ADDRESS}.txt`)).split("\n", 1);
  strictEqual(words, words?.toLowerCase());
  match(await Deno.readTextFile(`${folder.path}/counts/${ADDRESS}.tsv`), /^\d+\tthe\n/);
  deepStrictEqual(await example(folder.path, ["run"]), {
    code: 0,
    out: "",
    err: "nothing to do\n",
  });
});

Deno.test({
  name: "examples/process.ts runs over SSH by one variable, as the user's settings of SSH have it",
  ignore: sshServer.ignore || !SWEEP,
  async fn() {
    await using folder = await temporaryFolder();
    const { host, port, user, key, knownHosts } = sshServer.variables;
    await Deno.mkdir(`${folder.path}/.ssh`);
    await Deno.writeTextFile(
      `${folder.path}/.ssh/config`,
      `Host tower\n HostName ${host}\n Port ${port}\n User ${user}\n IdentityFile ${key}\n`,
    );
    await Deno.copyFile(knownHosts, `${folder.path}/.ssh/known_hosts`);
    const cache = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
    const { denoDir }: { denoDir: string } = JSON.parse(
      new TextDecoder().decode((await cache.output()).stdout),
    );
    const { code, err } = await example(folder.path, ["run"], {
      EXAMPLE_SSH: "tower",
      HOME: folder.path,
      DENO_DIR: denoDir,
    });
    strictEqual(code, 0, err);
    match(err, /split: 233 done\ncount: 233 done\nmerge: 233 done\n$/);
    strictEqual(await Deno.readTextFile(`${folder.path}/reports/${ADDRESS}.txt`), REPORT);
    match(await Deno.readTextFile(`${folder.path}/reports/1790_george_washington_n.txt`), /1790/);
  },
});
