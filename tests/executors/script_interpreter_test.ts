import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { LocalLinuxManager } from "../../executors/local_linux_manager.ts";
import { isPlain } from "../../executors/script_interpreter.ts";
import { Pipeline, run } from "../../mod.ts";
import { fixture, temporaryFolder } from "./processes.ts";

/** Scripts, and whether no shell need be started for each. */
const SCRIPTS: readonly (readonly [script: string, plain: boolean])[] = [
  ["{ cat /dev/null; echo a; } > ../x; cat ../x", true],
  ["exit 3", true],
  ["false", true],
  ["false\n", true],
  ["true; (exit 4)", true],
  ["false | true", true],
  ["f() { false; }; f || echo no", true],
  ["cat <<END\n$HOME $(echo x)\nEND", true],
  ['while :; do break; done; echo "$# $*"', true],
  ["echo out; echo err >&2; exec sh -c 'exit 9'", true],
  ["x=1; readonly x; x=2; echo no", true],
  ["cd /; pwd; unset PATH; no-such-command", true],
  ["echo 'open", true],
  ["if then", true],
  ["# a comment at the end", true],
  ["break; echo on; exit 6; echo no", true],
  ['read line; echo "got $line $?"', true],
  ["for i in 1 2 3; do (exit $i) & done; wait; echo ${x:-unset} ${#x}", true],
  ["sh -c 'kill -s USR1 $PPID'; echo no", false],
  ["kill -s KILL $$", false],
  ["[ $$ = \"$(sh -c 'echo $PPID')\" ] && echo same", false],
  ["echo ${0}", false],
  ["return 5; echo no", false],
  ["x() { local y=1; return 2; }; x", false],
  ["set -e; false; echo no", false],
  ["set -x; echo hi", false],
  ["trap 'echo bye' EXIT; exit 2", false],
  ["trap 'echo usr' USR1; kill -s USR1 $$; echo on", false],
  ["echo 'echo $$ | wc -l' > ../lib; . ../lib", false],
  ["eval 'exit 8'", false],
  ["(return 3); echo $?", false],
];

Deno.test("isPlain() is true only for scripts that could not tell", () => {
  for (const [script, plain] of SCRIPTS) strictEqual(isPlain(script), plain, script);
  for (const word of ["$$", "${$}", "$0", "${0%/*}", "$-", "$_", "`set`", "!eval x", "{ . x; }"]) {
    ok(!isPlain(`echo ${word}`), word);
  }
  for (const script of ["offset=1", "./run.sh", "cat a.txt .."]) {
    ok(isPlain(script), script);
  }
});

Deno.test("LocalLinuxManager runs each script as a shell that is started for it would", async () => {
  await using folder = await temporaryFolder();
  await using manager = new LocalLinuxManager("app", { localPath: folder.path });
  const inputs = Object.fromEntries(SCRIPTS.map(([script], index) => [`job${index}`, script]));
  const { task, done, stdout } = fixture(manager, { template: "{{ input }}" }, inputs);
  await run(new Pipeline([task]));
  for (const [job, script] of Object.entries(inputs)) {
    const cwd = await Deno.makeTempDir({ dir: folder.path });
    const { code, stdout: output } = await new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh"],
      cwd: `${(await Deno.mkdir(`${cwd}/cwd`), cwd)}/cwd`,
      stdin: "null",
      env: { JOB: job, TASK: "task" },
    }).output();
    deepStrictEqual(
      [(await done.info(job))!.return_code, await stdout.readText(job)],
      [code, new TextDecoder().decode(output)],
      script,
    );
  }
});
