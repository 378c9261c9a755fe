import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  type DoneRecord,
  type Env,
  InProcessBlobRepository,
  InProcessMetadataRepository,
  interceptWarnings,
  Pipeline,
  ProcessTask,
  run,
  sh,
  SSHLinuxManager,
  type SSHLinuxManagerOptions,
  StoreError,
  systemEnv,
} from "../../mod.ts";
import type { SshClientOptions } from "../../executors/ssh_client.ts";
import { TcpProxy } from "../faulty_proxy.ts";
import { sshServer } from "../servers.ts";
import { fixture, temporaryFolder, until } from "./processes.ts";
import { connect, knownHostsFor, ownServer, remoteFixture, remoteFolder, remotely } from "./ssh.ts";

const { ignore } = sshServer;
/** A connection that is cut while it is made leaves a cipher of ssh2 to the garbage collector. */
const sanitizeResources = false;
const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

/** A machine behind a proxy that can break the connection, with a short patience. */
async function brokenMachine(options: Partial<SshClientOptions> = {}): Promise<
  & {
    proxy: TcpProxy;
    manager: SSHLinuxManager;
    path: string;
    remotely(c: string): Promise<string>;
    /** Another manager in its place. */
    manage(options: SSHLinuxManagerOptions): SSHLinuxManager;
  }
  & AsyncDisposable
> {
  await using stack = new AsyncDisposableStack();
  const direct = stack.use(await connect());
  const { path } = stack.use(await remoteFolder(direct));
  const { host, port } = sshServer.variables;
  const proxy = stack.use(new TcpProxy(`${host}:${port}`));
  const folder = stack.use(await temporaryFolder());
  const proxyPort = Number(proxy.host.split(":")[1]);
  const client = stack.use(
    await connect({
      port: proxyPort,
      knownHosts: await knownHostsFor(folder.path, proxyPort),
      keepaliveInterval: 300,
      keepaliveCountMax: 3,
      readyTimeout: 5_000,
      ...options,
    }),
  );
  const manager = stack.use(
    new SSHLinuxManager("app", client, { remotePath: path, grace: 0.3 }),
  );
  const moved = stack.move();
  return {
    proxy,
    manager,
    path,
    remotely: (command) => remotely(direct, command),
    manage: (options) => new SSHLinuxManager("app", client, { remotePath: path, ...options }),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

/** Jobs that write down when they begin and end, and what became of them. */
function writers(manager: SSHLinuxManager, path: string, count: number) {
  const done = new InProcessMetadataRepository<DoneRecord>();
  const stdout = new InProcessBlobRepository();
  const jobs = Array.from({ length: count }, (_, i) => `job${i}`);
  const task = new ProcessTask("task", done, {
    manager,
    stdout,
    maxConcurrent: 4,
    backoff: 0.05,
    retries: { infra: 20 },
  })
    .link("jobs", new InProcessMetadataRepository(new Map(jobs.map((job, i) => [job, i]))), {
      isInput: true,
    })
    .func(({ job, jobs }) =>
      sh`echo start ${job} $$ >> ${path}/log
         sleep ${((jobs ?? 0) % 5) / 50}
         echo ${`${job} `.repeat(200)}
         echo stop ${job} $$ >> ${path}/log`
    );
  return {
    pipeline: new Pipeline([task]),
    /** Every job has one result, of one run, and nothing is left. */
    async check(remotely: (command: string) => Promise<string>): Promise<void> {
      const runs = new Map<string, string[]>();
      for (const line of (await remotely(`cat ${path}/log`)).trim().split("\n")) {
        const [what, job, pid] = line.split(" ");
        runs.set(job!, [...runs.get(job!) ?? [], `${what} ${pid}`]);
      }
      strictEqual(runs.size, count);
      for (const [job, lines] of runs) {
        const pid = lines[0]!.split(" ")[1];
        deepStrictEqual(lines, [`start ${pid}`, `stop ${pid}`], job);
        strictEqual((await done.info(job))?.return_code, 0, job);
        strictEqual(await stdout.readText(job), `${`${job} `.repeat(200)}\n`);
      }
      deepStrictEqual(await manager.jobs("task"), []);
    },
  };
}

Deno.test({
  name:
    "SSHLinuxManager goes on when connections are cut again and again: nothing is lost or run twice",
  ignore,
  sanitizeResources,
  async fn() {
    for (let round = 0; round < (SWEEP ? 50 : 1); round++) {
      using _ = interceptWarnings(() => {});
      await using machine = await brokenMachine();
      const { pipeline, check } = writers(machine.manager, machine.path, 40);
      await machine.manager.open(); // a machine that was never reached is not waited for
      let ended = false;
      const running = run(pipeline).finally(() => ended = true);
      while (!ended) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, 200 + Math.random() * 600);
        await Promise.race([running, promise]);
        clearTimeout(timer);
        const { connections } = machine.proxy;
        machine.proxy.cut();
        await until(() => ended || machine.proxy.connections > connections);
      }
      strictEqual((await running).succeeded, 40);
      await check(machine.remotely);
    }
  },
});

Deno.test({
  name: "SSHLinuxManager waits for a network that swallows everything for a while",
  ignore,
  sanitizeResources,
  async fn() {
    using _ = interceptWarnings(() => {});
    await using machine = await brokenMachine();
    const { pipeline, check } = writers(machine.manager, machine.path, 30);
    const running = run(pipeline);
    const lines = async (): Promise<number> =>
      Number(await machine.remotely(`cat ${machine.path}/log 2>/dev/null | wc -l`));
    for (const count of [10, 30]) {
      await until(async () => await lines() >= count);
      machine.proxy.hang();
      const { connections } = machine.proxy;
      await until(() => machine.proxy.connections > connections); // it has given up the one that hangs
      machine.proxy.cut();
      machine.proxy.resume();
    }
    strictEqual((await running).succeeded, 30);
    await check(machine.remotely);
  },
});

Deno.test({
  name:
    "SSHLinuxManager does not take a job for dead whose machine is out of reach, and ends it later",
  ignore,
  sanitizeResources,
  async fn() {
    using _ = interceptWarnings(() => {});
    await using machine = await brokenMachine();
    const { proxy, manager, path } = machine;
    const { task, done } = fixture(manager, { template: `echo $$ > ${path}/pid; sleep 1000` });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    proxy.refuse();
    const { connections } = proxy;
    await until(() => proxy.connections > connections + 3);
    strictEqual(await done.contains("a"), false);
    strictEqual((await manager.jobs("task"))[0]!.end, undefined);
    const cancelling = task.cancel("a");
    proxy.resume();
    ok(await cancelling);
    await running;
    strictEqual((await done.info("a"))!.class, "cancelled");
  },
});

Deno.test({
  name: "SSHLinuxManager ends a job that has run too long when its machine is in reach again",
  ignore,
  sanitizeResources,
  async fn() {
    const warnings: string[] = [];
    using _ = interceptWarnings((message) => void warnings.push(message));
    await using machine = await brokenMachine({ reconnectTimeout: 300 });
    const { proxy, manager } = machine;
    const { task, done } = fixture(manager, { template: "sleep 1000", timeout: 1 });
    const running = run(new Pipeline([task]));
    await until(async () => (await task.pids.info("a"))?.pid !== undefined);
    proxy.refuse();
    await until(() => warnings.some((warning) => /is to be ended later/.test(warning)));
    proxy.resume();
    await running;
    strictEqual((await done.info("a"))!.class, "timeout");
  },
});

Deno.test({
  name: "what a job has written is fetched when its machine is in reach again, however late",
  ignore,
  sanitizeResources,
  async fn() {
    const away = Promise.withResolvers<void>();
    using _ = interceptWarnings((warning) => /has ended, but/.test(warning) && away.resolve());
    await using machine = await brokenMachine({ reconnectTimeout: 1_000 });
    const { proxy, path } = machine;
    const env: Env = { ...systemEnv, fault: (at) => at === "ended" && proxy.refuse() };
    await using manager = machine.manage({ env });
    const { task, stdout, done } = fixture(manager, {
      template: `echo run >> ${path}/log; echo out`,
      retries: {},
    });
    const running = run(new Pipeline([task]));
    await Promise.race([away.promise, running]);
    strictEqual(await done.contains("a"), false);
    proxy.resume();
    strictEqual((await running).succeeded, 1);
    strictEqual(await stdout.readText("a"), "out\n");
    strictEqual(await machine.remotely(`cat ${path}/log`), "run\n");
  },
});

Deno.test({
  name: "SSHLinuxManager goes on when the server is killed and started anew during a run",
  ignore,
  sanitizeResources,
  async fn() {
    using _ = interceptWarnings(() => {});
    await using server = await ownServer();
    await using client = await connect({}, server.variables);
    await using direct = await connect({}, server.variables);
    await using folder = await remoteFolder(direct, server.variables.directory);
    await using manager = new SSHLinuxManager("app", client, { remotePath: folder.path });
    const { pipeline, check } = writers(manager, folder.path, 30);
    const running = run(pipeline);
    await until(async () =>
      (await Deno.readTextFile(`${folder.path}/log`).catch(() => "")).split("\n").length > 10
    );
    await server.kill();
    await server.restart();
    strictEqual((await running).succeeded, 30);
    await check((command) => remotely(direct, command));
  },
});

Deno.test({
  name:
    "SSHLinuxManager gives its folder up to a program that comes when it was not heard of for long",
  ignore,
  sanitizeResources,
  async fn() {
    using _ = interceptWarnings(() => {});
    await using machine = await brokenMachine();
    const { proxy, manager, path } = machine;
    await manager.open();
    proxy.hang(); // the machine does not notice
    await machine.remotely(`touch -d '5 minutes ago' ${path}/app/.lock`);
    await using other = await connect();
    await using second = new SSHLinuxManager("app", other, { remotePath: path });
    const { task } = fixture(second, { template: "echo" });
    strictEqual((await run(new Pipeline([task]))).succeeded, 1);
    await second.open();
    proxy.cut();
    proxy.resume();
    await rejects(
      manager.prepare("task", "a"),
      (error) => error instanceof StoreError && /does so in the same folder/.test(error.message),
    );
    await second.close();
    await manager.prepare("task", "a");
  },
});

Deno.test({
  name: "SSHLinuxManager carries large files to and fro in little memory",
  ignore,
  async fn() {
    await using client = await connect();
    await using folder = await remoteFolder(client);
    const size = SWEEP ? 200_000_000 : 20_000_000;
    const program = new URL("ssh_files_program.ts", import.meta.url).pathname;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", program, folder.path, String(size)],
    }).output();
    const text = new TextDecoder().decode(stdout);
    ok(text !== "", new TextDecoder().decode(stderr));
    const { same, grown }: { same: number; grown: number } = JSON.parse(text);
    strictEqual(same, size);
    if (SWEEP) ok(grown < 160_000_000, `${grown} bytes more`); // less than the file, garbage included
    strictEqual(
      await remotely(client, `stat -c '%s %a' ${folder.path}/file`),
      `${size} 600\n`,
    );
  },
});

Deno.test({
  name: "SSHLinuxManager says which file it cannot read or write",
  ignore,
  async fn() {
    await using remote = await remoteFixture();
    const { manager, path } = remote;
    await manager.open();
    await rejects(
      manager.readable(`${path}/nothing`),
      (error) => error instanceof StoreError && /nothing on .*no such file/.test(error.message),
    );
    const writer = (await manager.writable(`${path}/no/folder`)).getWriter();
    await rejects(
      writer.write(new Uint8Array(100)).then(() => writer.close()),
      (error) => error instanceof StoreError && /no\/folder/.test(error.message),
    );
  },
});

Deno.test({
  name: "SSHLinuxManager does not take a part of a file for all of it when the connection is cut",
  ignore,
  sanitizeResources,
  async fn() {
    await using machine = await brokenMachine();
    const { proxy, manager, path } = machine;
    await machine.remotely(`head -c 20000000 /dev/zero > ${path}/file`);
    const reader = (await manager.readable(`${path}/file`)).getReader();
    await reader.read();
    await reader.read();
    proxy.cut();
    await rejects(async () => {
      while (!(await reader.read()).done);
    }, StoreError);
    const writer = (await manager.writable(`${path}/copy`)).getWriter();
    await writer.write(new Uint8Array(100_000));
    proxy.cut();
    await rejects(
      writer.close(),
      (error) => error instanceof StoreError && /copy/.test(error.message),
    );
  },
});
