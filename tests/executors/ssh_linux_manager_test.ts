import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  type DoneRecord,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  LocalLinuxManager,
  Pipeline,
  ProcessTask,
  ResourceManager,
  Resources,
  run,
  sh,
  type SshClient,
  SSHLinuxManager,
  StoreError,
} from "../../mod.ts";
import { sshServer } from "../servers.ts";
import { fixture, temporaryFolder, until } from "./processes.ts";
import { connect, remoteFixture, remoteFolder, remotely } from "./ssh.ts";

const { ignore } = sshServer;
const encoder = new TextEncoder();

function numbers(count: number): Map<string, Uint8Array> {
  return new Map(Array.from({ length: count }, (_, i) => [`${i}`, encoder.encode(`${i}`)]));
}

Deno.test({
  name: "ProcessTask runs 50 jobs over SSH as the original's test has them",
  ignore,
  async fn() {
    await using remote = await remoteFixture({
      resources: new ResourceManager(Resources.parse("1", "1", 99999)),
    });
    const stdout = new InProcessBlobRepository();
    const stderr = new InProcessBlobRepository();
    const done = new InProcessMetadataRepository<DoneRecord>();
    const task = new ProcessTask("task", done, {
      manager: remote.manager,
      stdin: new InProcessBlobRepository(numbers(50)),
      stdout,
      stderr,
      jobResources: Resources.parse("100m", "100m", 1),
      template: `#!/bin/sh
echo 'hello world!' >&2
echo "The message of day {{ job }} is $(base64). That's pretty great!"
echo 'goodbye world!' >&2
`,
    });
    await run(new Pipeline([task]));
    strictEqual((await Array.fromAsync(task.pids)).length, 0);
    for (let i = 0; i < 50; i++) {
      strictEqual(
        await stdout.readText(`${i}`),
        `The message of day ${i} is ${btoa(`${i}`)}. That's pretty great!\n`,
      );
      strictEqual(await stderr.readText(`${i}`), "hello world!\ngoodbye world!\n");
      strictEqual((await done.info(`${i}`))!.return_code, 0);
    }
  },
});

Deno.test({
  name:
    "SSHLinuxManager gives jobs what they have on this machine: interpreter, environment, folder, bytes",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const input = crypto.getRandomValues(new Uint8Array(60_000));
    const stdin = new InProcessBlobRepository(new Map([["a", input]]));
    const stdout = new InProcessBlobRepository();
    const done = new InProcessMetadataRepository<DoneRecord>();
    const task = new ProcessTask("task", done, {
      manager: remote.manager,
      stdin,
      stdout,
      environ: { QUOTED: 'it\'s "$HOME"\n\\n' },
      template: String.raw`#!/usr/bin/awk BEGIN {
  "pwd" | getline folder; "umask" | getline mask
  printf "%s %s %s %s %s", ENVIRON["JOB"], ENVIRON["TASK"], ENVIRON["QUOTED"], folder, mask
  fflush()
  while (i++ < 4) system("cat ../stdin")
}`.replace("#!/usr/bin/awk BEGIN {", "#!/usr/bin/awk -f\nBEGIN {"),
    });
    await run(new Pipeline([task]));
    const output = await stdout.readBytes("a");
    const head = `a task it's "$HOME"\n\\n ${remote.path}/app/task/a/cwd 00`;
    strictEqual(new TextDecoder().decode(output.subarray(0, head.length)), head);
    const bytes = output.subarray(head.length + 2);
    strictEqual(bytes.length, 4 * input.length);
    for (let i = 0; i < 4; i++) {
      ok(equal(bytes.subarray(i * input.length, (i + 1) * input.length), input));
    }
  },
});

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

for (
  const [title, options, expected] of [
    ["a script that fails", { template: "exit 7" }, { return_code: 7, class: "user" }],
    ["an interpreter that is not there", { template: "#!/no/such/program\n" }, { class: "config" }],
    [
      "a script that is longer than an argument may be",
      { template: `: ${"x".repeat(200_000)}\nexit 3` },
      { return_code: 3, class: "user" },
    ],
  ] as const
) {
  Deno.test({
    name: `SSHLinuxManager tells of ${title}`,
    ignore,
    async fn() {
      await using remote = await remoteFixture();
      const { task, done } = fixture(remote.manager, options);
      await run(new Pipeline([task]));
      const { return_code, class: failure } = (await done.info("a"))!;
      deepStrictEqual(
        { ...return_code !== undefined && { return_code }, class: failure },
        expected,
      );
    },
  });
}

for (const [title, timeout] of [["timeout", 0.5], ["cancelled", undefined]] as const) {
  Deno.test({
    name: `A-24: SSHLinuxManager ends the group of a job, and what ignores TERM: ${title}`,
    ignore,
    async fn() {
      await using remote = await remoteFixture();
      const { task, done } = fixture(remote.manager, {
        template: `trap '' TERM; sleep 1000 & echo $$ $! > ../pids; while :; do sleep 1000; done`,
        ...timeout !== undefined && { timeout },
      });
      const running = run(new Pipeline([task]));
      const pids = `${remote.path}/app/task/a/pids`;
      await until(async () => (await remotely(remote.client, `cat ${pids} || :`)).includes(" "));
      if (timeout === undefined) ok(await task.cancel("a"));
      await running;
      const { class: failure, exception } = (await done.info("a"))!;
      const said = timeout === undefined ? "it was cancelled" : "it ran longer than 0.5 s";
      deepStrictEqual([failure, exception], [title, said]);
      for (const pid of (await remotely(remote.client, `cat ${pids}`)).trim().split(" ")) {
        const state = await remotely(remote.client, `grep State: /proc/${pid}/status || :`);
        match(state, /^$|zombie/);
      }
    },
  });
}

Deno.test({
  name: "SSHLinuxManager adopts a job that an earlier program has started, and hears of its end",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const { client, path } = remote;
    const template =
      `echo run >> ${path}/log; while [ ! -e ${path}/go ]; do sleep 0.02; done; echo out; exit 4`;
    {
      await using client = await connect();
      await using manager = new SSHLinuxManager("app", client, { remotePath: path });
      const pipeline = new Pipeline([fixture(manager, { template }).task]);
      await pipeline.open();
      strictEqual(await pipeline.update(), true);
      await pipeline.close();
    }
    const { task, done, stdout } = fixture(remote.manager, { template: "echo again" });
    deepStrictEqual(await Array.fromAsync(task.pids), ["a"]);
    const running = run(new Pipeline([task]));
    await until(async () => (await remote.manager.jobs("task")).length === 1);
    await remotely(client, `touch ${path}/go`);
    strictEqual((await running).failed, 1);
    strictEqual((await done.info("a"))!.return_code, 4);
    strictEqual(await stdout.readText("a"), "out\n");
    strictEqual(await remotely(client, `cat ${path}/log`), "run\n");
    deepStrictEqual(await remote.manager.jobs("task"), []);
  },
});

Deno.test({
  name:
    "SSHLinuxManager refuses a folder in which another program starts jobs, which is shown without",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const { task, done } = fixture(remote.manager, { template: "sleep 1000" });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    const other = new SSHLinuxManager("app", remote.client, { remotePath: remote.path });
    await rejects(
      other.open(),
      (error) => error instanceof StoreError && error.message.includes(`process ${Deno.pid} of`),
    );
    const view = fixture(other, { template: "sleep 1000" }).task.pids;
    deepStrictEqual(await view.info("a"), await task.pids.info("a"));
    await view.delete("a");
    await running;
    strictEqual((await done.info("a"))!.class, "cancelled");
    await remote.manager.close();
    await other.open();
    await other.close();
  },
});

Deno.test({
  name: "S-05: SSHLinuxManager keeps its folder private, and refuses one that is not its own",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const { client, path } = remote;
    await remotely(client, `mkdir -m 777 ${path}/app && ln -s ${path}/app ${path}/link`);
    const { task } = fixture(remote.manager, { template: "echo" });
    await run(new Pipeline([task]));
    strictEqual(
      await remotely(client, `cd ${path}/app && stat -c %a . task/a .journal-1 .lock`),
      "700\n700\n600\n600\n",
    );
    await rejects(
      new SSHLinuxManager("link", client, { remotePath: path }).open(),
      /symbolic link/,
    );
    await rejects(
      new SSHLinuxManager("bin", client, { remotePath: "/usr" }).open(),
      (error) => error instanceof StoreError && /belongs to another user/.test(error.message),
    );
    await rejects(
      new SSHLinuxManager("x", client, { remotePath: "/proc/nowhere" }).open(),
      (error) => error instanceof StoreError && /^Cannot use the folder/.test(error.message),
    );
  },
});

Deno.test({
  name: "SSHLinuxManager keeps everything in the home folder of its user, if nothing else is said",
  ignore,
  async fn() {
    await using client = await connect();
    const app = `test-${crypto.randomUUID()}`;
    await using manager = new SSHLinuxManager(app, client);
    match(`${manager}`, /SSHLinuxManager test-/);
    const { task } = fixture(manager, { template: "echo" });
    strictEqual(await task.logs("a"), undefined);
    await run(new Pipeline([task]));
    strictEqual(await new Response(await task.logs("a")).text(), "\n");
    const home = (await remotely(client, "echo $HOME")).trim();
    strictEqual(manager.basedir, `${home}/.local/state/datatask/${app}`);
    await manager.close();
    await remotely(client, `rm -r ${manager.basedir}`);
    await using relative = new SSHLinuxManager(app, client, { remotePath: `it's-${app}` });
    await relative.open();
    strictEqual(relative.basedir, `${home}/it's-${app}/${app}`);
    await relative.close();
    await remotely(client, `rm -r "${home}/it's-${app}"`);
  },
});

Deno.test({
  name: "SSHLinuxManager takes any client of that shape, such as the program ssh",
  ignore,
  async fn() {
    await using direct = await connect();
    await using folder = await remoteFolder(direct);
    const { host, port, user, key, knownHosts } = sshServer.variables;
    const files = ["-F", "none", "-i", key, "-o", `UserKnownHostsFile=${knownHosts}`];
    const client: SshClient = {
      exec: (command) => {
        const args = [...files, "-o", "BatchMode=yes", "-p", port, `${user}@${host}`, command];
        const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
        return Promise.resolve(new Deno.Command("ssh", { args, ...pipes }).spawn());
      },
    };
    await using manager = new SSHLinuxManager("app", client, { remotePath: folder.path });
    const { task, stdout } = fixture(manager, {
      template: "head -c 100000 /dev/zero | tr '\\0' x",
    });
    strictEqual((await run(new Pipeline([task]))).succeeded, 1);
    strictEqual(await stdout.readText("a"), "x".repeat(100_000));
  },
});

Deno.test({
  name: "SSHLinuxManager shows what a job writes while it runs",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const { task } = fixture(remote.manager, {
      template: `echo one; while [ ! -e ${remote.path}/go ]; do sleep 0.02; done; echo two`,
    });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    const log = (await task.logs("a", { follow: true }))!.pipeThrough(new TextDecoderStream());
    let text = "";
    for await (const part of log) {
      text += part;
      if (text === "one\n") await remotely(remote.client, `touch ${remote.path}/go`);
    }
    strictEqual(text, "one\ntwo\n");
    await running;
  },
});

Deno.test({
  name: "SSHLinuxManager knows a process whose name is made to look like another one's line",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const { task, done } = fixture(remote.manager, {
      template: `name=$(printf 'a) Z\\n1 (b')
cp /bin/sh "$name"
exec "./$name" -c 'until [ -e ${remote.path}/go ]; do sleep 0.02; done; exit 5'`,
    });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    const name = `cat /proc/${(await task.pids.info("a"))!.pid}/comm`;
    await until(async () => (await remotely(remote.client, name)).startsWith("a) Z"));
    const other = new SSHLinuxManager("app", remote.client, { remotePath: remote.path });
    for (let look = 0; look < 2; look++) strictEqual((await other.running("task")).length, 1);
    await remotely(remote.client, `touch ${remote.path}/go`);
    await running;
    strictEqual((await done.info("a"))!.return_code, 5);
  },
});

Deno.test({
  name: "SSHLinuxManager removes old folders of jobs, those of jobs that failed last",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    for (const first of [10, 30]) {
      await using manager = new SSHLinuxManager("app", remote.client, {
        remotePath: remote.path,
        keptFolders: 4,
      });
      const inputs = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${first + i}`, i]));
      const { task } = fixture(
        manager,
        { template: "[ $JOB != 11 ]", maxConcurrent: 1 },
        inputs,
      );
      await run(new Pipeline([task]));
      const left = (await remotely(remote.client, `ls ${remote.path}/app/task`)).trim().split("\n");
      ok(left.length <= 5, left.join(" "));
      strictEqual(left[0], "11");
    }
  },
});

Deno.test({
  name: "a host and this machine, and two folders of a host, work together within one quota",
  ignore,
  async fn() {
    await using local = await temporaryFolder();
    await using here = new LocalLinuxManager("app", { localPath: local.path });
    await using client = await connect();
    await using folder = await remoteFolder(client);
    const { path } = folder;
    await remotely(client, `: > ${path}/log; chmod 711 ${path}; chmod 666 ${path}/log`);
    await using there = new SSHLinuxManager("one", client, { remotePath: path });
    await using second = new SSHLinuxManager("two", client, { remotePath: path });
    const resources = new ResourceManager(Resources.parse(3, 0));
    const inputs = new InProcessMetadataRepository(
      new Map(Array.from({ length: 8 }, (_, i) => [`${i}`, i])),
    );
    const done = [here, there, second].map(() => new InProcessMetadataRepository<DoneRecord>());
    const tasks = [here, there, second].map((manager, index) =>
      new ProcessTask(`task${index}`, done[index]!, { manager, resources })
        .link("inputs", inputs, { isInput: true })
        .func(() => sh`echo + >> ${path}/log; sleep 0.1; echo - >> ${path}/log`)
    );
    strictEqual((await run(new Pipeline(tasks))).succeeded, 24);
    let running = 0;
    let most = 0;
    for (const sign of (await remotely(client, `cat ${path}/log`)).trim().split("\n")) {
      running += sign === "+" ? 1 : -1;
      most = Math.max(most, running);
    }
    strictEqual(running, 0);
    strictEqual(most, 3);
  },
});
