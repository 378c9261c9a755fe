/**
 * What tests of SSH share.
 *
 * @module
 */

import { sshClient, type SshClientOptions } from "../../executors/ssh_client.ts";
import { SSHLinuxManager, type SSHLinuxManagerOptions } from "../../executors/ssh_linux_manager.ts";
import { shquote } from "../../executors/sh.ts";
import type { OpenSshClient, SshClient } from "../../mod.ts";
import { sshServer } from "../servers.ts";

/** Where an SSH server is. */
export type SshVariables = typeof sshServer.variables;

/** How to log in to a server, with a folder for what only a test knows. */
export async function loginTo(
  { host, port, user, key, knownHosts }: SshVariables,
): Promise<SshClientOptions> {
  return {
    host,
    port: Number(port),
    username: user,
    privateKey: await Deno.readTextFile(key),
    knownHosts,
    configFile: "/dev/null",
    agent: "",
  };
}

/** Connects to a server: that of all tests, unless another one is given. */
export async function connect(
  options: Partial<SshClientOptions> = {},
  server: SshVariables = sshServer.variables,
): Promise<OpenSshClient> {
  return await sshClient({ ...await loginTo(server), ...options });
}

/** What a program on the machine writes. */
export async function remotely(client: SshClient, command: string): Promise<string> {
  const process = await client.exec(command);
  const [output, complaint] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]);
  const { code } = await process.status;
  if (code !== 0) throw new Error(`${command}: ${complaint}`);
  return output;
}

/** A folder on the machine that is gone afterwards. */
export async function remoteFolder(
  client: SshClient,
  parent: string = sshServer.variables.directory,
): Promise<{ path: string } & AsyncDisposable> {
  const path = (await remotely(client, `mktemp -d ${shquote(parent)}/test-XXXXXXXX`)).trim();
  return {
    path,
    async [Symbol.asyncDispose]() {
      await remotely(client, `rm -rf ${shquote(path)}`);
    },
  };
}

/** A connection, a folder on the machine, and a manager that uses them. */
export async function remoteFixture(
  options: SSHLinuxManagerOptions = {},
): Promise<
  { client: OpenSshClient; path: string; manager: SSHLinuxManager } & AsyncDisposable
> {
  await using stack = new AsyncDisposableStack();
  const client = stack.use(await connect());
  const { path } = stack.use(await remoteFolder(client));
  const manager = stack.use(
    new SSHLinuxManager("app", client, { remotePath: path, grace: 0.3, ...options }),
  );
  const moved = stack.move();
  return { client, path, manager, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** An SSH server of the test's own, which can be killed. */
export async function ownServer(): Promise<
  {
    variables: SshVariables;
    /** Kills it, and all connections to it. What it has started goes on. */
    kill(): Promise<void>;
    restart(): Promise<void>;
  } & AsyncDisposable
> {
  const state = await Deno.makeTempDir({ prefix: "datatask-sshd-" });
  await Deno.chmod(state, 0o755);
  const servers = async (...args: string[]): Promise<string> => {
    const { success, stdout, stderr } = await new Deno.Command(
      new URL("../../scripts/servers/servers", import.meta.url).pathname,
      { args, env: { DATATASK_SERVERS_STATE: state } },
    ).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  };
  const lines = (await servers("up", "ssh")).trim().split("\n");
  const values = new Map(lines.map((line) => {
    const [name, value] = line.split("=");
    return [name!.slice("DATATASK_TEST_SSH_".length), value!];
  }));
  return {
    variables: {
      host: values.get("HOST")!,
      port: values.get("PORT")!,
      user: values.get("USER")!,
      key: values.get("KEY")!,
      knownHosts: values.get("KNOWN_HOSTS")!,
      directory: values.get("DIR")!,
    },
    async kill() {
      const [pid] = (await Deno.readTextFile(`${state}/ssh.pid`)).split(" ");
      for (const process of daemons(Number(pid))) Deno.kill(process, "SIGKILL");
    },
    async restart() {
      await servers("up", "ssh");
    },
    async [Symbol.asyncDispose]() {
      await servers("down", "ssh");
      await Deno.remove(state, { recursive: true });
    },
  };
}

/** A server and its sessions, without what was started by them. */
function daemons(pid: number): number[] {
  if (Deno.readTextFileSync(`/proc/${pid}/comm`) !== "sshd\n") return [];
  const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
  return [pid, ...children.split(" ").filter(Boolean).flatMap((child) => daemons(Number(child)))];
}

/** The known hosts of a server for when it is reached over another port. */
export async function knownHostsFor(
  folder: string,
  port: number,
  { host, port: own, knownHosts }: SshVariables = sshServer.variables,
): Promise<string> {
  const path = `${folder}/known_hosts-${port}`;
  const text = await Deno.readTextFile(knownHosts);
  await Deno.writeTextFile(path, text.replaceAll(`[${host}]:${own}`, `[127.0.0.1]:${port}`));
  return path;
}
