import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import ssh2 from "ssh2";
import { sshClient } from "../../executors/ssh_client.ts";
import { StoreError } from "../../mod.ts";
import { sshServer } from "../servers.ts";
import { temporaryFolder } from "./processes.ts";
import { connect, remotely } from "./ssh.ts";

const { ignore } = sshServer;
const SWEEP = Deno.env.get("DATATASK_SWEEP") === "1";

Deno.test({
  name: "sshClient() runs programs, with their output, errors and codes",
  ignore,
  async fn() {
    await using client = await connect();
    const process = await client.exec("cat; echo err >&2; exit 3");
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("out\n"));
    await writer.close();
    strictEqual(await new Response(process.stdout).text(), "out\n");
    strictEqual(await new Response(process.stderr).text(), "err\n");
    deepStrictEqual(await process.status, { code: 3 });
  },
});

Deno.test({
  name: "sshClient() does not open more channels than the server allows; the others wait",
  ignore,
  async fn() {
    await using client = await connect();
    const outputs = await Promise.all(
      Array.from({ length: 40 }, (_, index) => remotely(client, `echo ${index}`)),
    );
    deepStrictEqual(outputs, Array.from({ length: 40 }, (_, index) => `${index}\n`));
    await using greedy = await connect({ maxChannels: 20 });
    const gates = await Promise.all(
      Array.from({ length: 9 }, () => greedy.exec("read line; echo $line")),
    );
    const waiting = Array.from({ length: 11 }, () => remotely(greedy, "echo late"));
    for (const { stdin } of gates) await stdin.close();
    for (const output of await Promise.all(waiting)) strictEqual(output, "late\n");
    for (const gate of gates) {
      await new Response(gate.stdout).text();
      await new Response(gate.stderr).text();
    }
  },
});

for (
  const [title, change, message] of [
    [
      "a machine with another key",
      (own: string) => own.replace(/ssh-ed25519 .*/, `${OTHER}`),
      /is not that of .*:1; somebody else/,
    ],
    ["a machine of which nothing is known", () => "", /is not in .*; make sure/],
    [
      "a machine whose key is revoked",
      (own: string) => own.replace(/^/, "@revoked "),
      /is revoked by .*:1;/,
    ],
  ] as const
) {
  Deno.test({
    name: `S-06, S-17: sshClient() refuses ${title}`,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      const knownHosts = `${folder.path}/known_hosts`;
      await Deno.writeTextFile(
        knownHosts,
        change((await Deno.readTextFile(sshServer.variables.knownHosts)).trim()),
      );
      await using client = await connect({ knownHosts });
      await rejects(
        client.exec("true"),
        (error) => error instanceof StoreError && message.test(error.message),
      );
    },
  });
}

const OTHER = `ssh-ed25519 ${
  Uint8Array.from([
    0,
    0,
    0,
    11,
    ...new TextEncoder().encode("ssh-ed25519"),
    0,
    0,
    0,
    32,
    ...new Uint8Array(32),
  ])
    .toBase64()
}`;

Deno.test({
  name: "sshClient() knows a machine by the hashed lines that ssh-keygen makes",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const knownHosts = `${folder.path}/known_hosts`;
    await Deno.copyFile(sshServer.variables.knownHosts, knownHosts);
    await run("ssh-keygen", "-q", "-H", "-f", knownHosts);
    match(await Deno.readTextFile(knownHosts), /^\|1\|/);
    await using client = await connect({ knownHosts });
    strictEqual(await remotely(client, "echo in"), "in\n");
  },
});

Deno.test({
  name: "sshClient() says by what it tried to log in, and nothing of the secrets",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder.path}/wrong`);
    const privateKey = await Deno.readTextFile(`${folder.path}/wrong`);
    const secret = privateKey.split("\n")[2]!;
    await using client = await connect({ privateKey, password: "open sesame" });
    await rejects(client.exec("true"), (error) => {
      ok(error instanceof StoreError);
      match(
        error.message,
        /Cannot log in to .*private key that is given; the password; give a key/,
      );
      const shown = [Deno.inspect(error, { depth: 20 }), Deno.inspect(client, { depth: 20 })]
        .join();
      ok(!shown.includes(secret) && !shown.includes("open sesame"), shown);
      return true;
    });
    await rejects(connect({ privateKey: privateKey.slice(0, 150) }), (error) => {
      ok(error instanceof StoreError);
      match(error.message, /^Cannot use the private key that is given/);
      ok(!Deno.inspect(error).includes(secret));
      return true;
    });
  },
});

Deno.test({
  name:
    "sshClient() uses the settings of a host: name, port, user and keys, one of which cannot be used",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const { host, port, user, key, knownHosts } = sshServer.variables;
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "locked", "-f", `${folder.path}/locked`);
    await Deno.writeTextFile(
      `${folder.path}/config`,
      `Host tower\n HostName ${host}\n Port ${port}\nHost *\n User ${user}\n IdentityFile ${folder.path}/locked\n IdentityFile ${key}\n`,
    );
    const options = {
      host: "tower",
      port: undefined,
      username: undefined,
      privateKey: undefined,
      configFile: `${folder.path}/config`,
      knownHosts,
    };
    await using client = await connect(options);
    strictEqual(await remotely(client, "echo in"), "in\n");
    strictEqual(`${client}`, `${user}@${host}:${port}`);
  },
});

Deno.test({
  name: "sshClient() takes keys from an agent",
  ignore,
  async fn() {
    await using folder = await temporaryFolder();
    const agent = `${folder.path}/agent`;
    const process = new Deno.Command("ssh-agent", { args: ["-D", "-a", agent], stdout: "null" })
      .spawn();
    try {
      const key = `${folder.path}/key`;
      await Deno.copyFile(sshServer.variables.key, key);
      await Deno.chmod(key, 0o600);
      while (!await Deno.stat(agent).then(() => true, () => false));
      await run("env", `SSH_AUTH_SOCK=${agent}`, "ssh-add", "-q", key);
      const identity = { privateKey: undefined, configFile: `${folder.path}/config` };
      await Deno.writeTextFile(identity.configFile, "IdentityFile none\nIdentityFile /nowhere\n");
      await using client = await connect({ ...identity, agent });
      strictEqual(await remotely(client, "echo in"), "in\n");
      await using lost = await connect({ ...identity, agent: `${folder.path}/no-agent` });
      await rejects(lost.exec("true"), /Cannot log in to .*tried were the agent/);
    } finally {
      process.kill("SIGTERM");
      await process.status;
    }
  },
});

for (const method of ["password", "keyboard-interactive"]) {
  Deno.test(`sshClient() logs in by ${method}`, async () => {
    await using folder = await temporaryFolder();
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder.path}/host`);
    const tried: string[] = [];
    const server = new ssh2.Server(
      { hostKeys: [await Deno.readTextFile(`${folder.path}/host`)] },
      (connection: Ssh2Connection) => {
        connection.on("error", () => {});
        connection.on("authentication", (attempt) => {
          tried.push(attempt.method);
          if (attempt.method !== method) return attempt.reject(["publickey", method]);
          if (method === "password" && attempt.password === "open sesame") return attempt.accept();
          if (method === "password") return attempt.reject();
          attempt.prompt(
            [{ prompt: "Password: ", echo: false }],
            (answers: readonly string[]) =>
              answers[0] === "open sesame" ? attempt.accept() : attempt.reject(),
          );
        });
        connection.on("session", (accept) => {
          accept().on("exec", (accept: () => Ssh2ServerChannel) => {
            const channel = accept();
            channel.write("in\n");
            channel.exit(0);
            channel.end();
          });
        });
      },
    );
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    const { port } = server.address();
    const knownHosts = `${folder.path}/known_hosts`;
    const hostKey = await Deno.readTextFile(`${folder.path}/host.pub`);
    await Deno.writeTextFile(knownHosts, `[127.0.0.1]:${port} ${hostKey}`);
    const options = {
      host: "127.0.0.1",
      port,
      username: "somebody",
      agent: "",
      configFile: `${folder.path}/config`,
      knownHosts,
    };
    await Deno.writeTextFile(options.configFile, "IdentityFile none\nIdentityFile /nowhere\n");
    {
      await using client = await sshClient({ ...options, password: "open sesame" });
      strictEqual(await remotely(client, "echo in"), "in\n");
      ok(tried.includes(method));
      await using wrong = await sshClient({ ...options, password: "open barley" });
      await rejects(wrong.exec("true"), (error) => {
        match(`${error}`, /Cannot log in to .*tried were the password;/);
        return !Deno.inspect(error).includes("barley");
      });
    }
    const closed = Promise.withResolvers<void>();
    server.close(closed.resolve);
    await closed.promise;
  });
}

/** What is used of the server's side of ssh2. */
interface Ssh2Connection {
  on(event: "error", listener: () => void): void;
  on(event: "authentication", listener: (attempt: Ssh2Attempt) => void): void;
  on(event: "session", listener: (accept: () => Ssh2Session) => void): void;
}

interface Ssh2Attempt {
  readonly method: string;
  readonly password?: string;
  accept(): void;
  reject(methods?: readonly string[]): void;
  prompt(prompts: readonly unknown[], answer: (answers: readonly string[]) => void): void;
}

interface Ssh2Session {
  on(event: "exec", listener: (accept: () => Ssh2ServerChannel) => void): void;
}

interface Ssh2ServerChannel {
  write(text: string): void;
  exit(code: number): void;
  end(): void;
}

Deno.test({
  name: "sshClient() that never reached its machine says so at once",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    await using client = await connect({ port });
    await rejects(
      client.exec("true"),
      (error) => error instanceof StoreError && /^Cannot reach .*refused/i.test(error.message),
    );
  },
});

Deno.test({
  name: "SshProcess streams keep up with each other: what nobody reads is not sent",
  ignore,
  async fn() {
    await using client = await connect();
    const size = SWEEP ? 200_000_000 : 20_000_000;
    const process = await client.exec(`head -c ${size} /dev/zero`);
    const reader = process.stdout.getReader();
    let received = (await reader.read()).value!.length;
    await remotely(client, "true"); // while the other one waits
    for (let read; !(read = await reader.read()).done;) received += read.value.length;
    strictEqual(received, size);
    deepStrictEqual(await process.status, { code: 0 });
  },
});

Deno.test({
  name: "SshProcess.kill() gives a program up, and frees its channel",
  ignore,
  async fn() {
    await using client = await connect({ maxChannels: 1 });
    const process = await client.exec("yes");
    const reader = process.stdout.getReader();
    await reader.read();
    process.kill();
    strictEqual(await remotely(client, "echo next"), "next\n");
  },
});

async function run(program: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
