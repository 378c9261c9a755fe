import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { KnownHosts } from "../../executors/ssh_known_hosts.ts";
import { temporaryFolder } from "./processes.ts";

/** A key as a server sends it, and as a file has it. */
function key(name: string, type = "ssh-ed25519"): { bytes: Uint8Array; text: string } {
  const bytes = new TextEncoder().encode(`${type} ${name}`);
  return { bytes, text: `${type} ${bytes.toBase64()}` };
}

async function known(...lines: readonly string[]): Promise<KnownHosts> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/known_hosts`, lines.join("\n"));
  return await KnownHosts.read([`${folder.path}/missing`, `${folder.path}/known_hosts`]);
}

Deno.test("KnownHosts.check() knows names, patterns, ports and hashes", async () => {
  const one = key("one");
  const hosts = await known(
    "# a comment",
    `server.example.org,192.0.2.1 ${one.text} a comment`,
    `*.cluster,!bad.cluster ${one.text}`,
    `[gate]:2222 ${one.text}`,
    `|1|AQIDBAUGBwgJCgsMDQ4PEBESExQ=|${await hmac("hashed")} ${one.text}`,
    `|1|AQIDBAUGBwgJCgsMDQ4PEBESExQ=|${await hmac("[hashed]:2222")} ${key("two").text}`,
  );
  const kind = (host: string, port = 22): string => hosts.check(host, port, one.bytes).kind;
  strictEqual(kind("server.example.org"), "known");
  strictEqual(kind("Server.Example.org"), "known");
  strictEqual(kind("192.0.2.1"), "known");
  strictEqual(kind("server.example.org", 2222), "unknown");
  strictEqual(kind("serverXexample.org"), "unknown");
  strictEqual(kind("node7.cluster"), "known");
  strictEqual(kind("bad.cluster"), "unknown");
  strictEqual(kind("gate", 2222), "known");
  strictEqual(kind("gate"), "unknown");
  strictEqual(kind("hashed"), "known");
  strictEqual(kind("hashed", 2222), "changed");
});

async function hmac(name: string): Promise<string> {
  const salt = Uint8Array.from({ length: 20 }, (_, index) => index + 1);
  const hmacKey = await crypto.subtle.importKey(
    "raw",
    salt,
    { name: "HMAC", hash: "SHA-1" },
    false,
    ["sign"],
  );
  const bytes = await crypto.subtle.sign("HMAC", hmacKey, new TextEncoder().encode(name));
  return new Uint8Array(bytes).toBase64();
}

Deno.test("KnownHosts.check() tells another key, a revoked one, and leaves certificates out", async () => {
  const [one, two, three] = [key("one"), key("two"), key("three")];
  const hosts = await known(
    `server ${one.text}`,
    `server ${key("old", "ssh-rsa").text}`,
    `@revoked * ${two.text}`,
    `server ${two.text}`,
    `@cert-authority * ${three.text}`,
  );
  deepStrictEqual(hosts.check("server", 22, one.bytes), { kind: "known" });
  const verdict = hosts.check("server", 22, three.bytes);
  ok(verdict.kind === "changed");
  match(verdict.where, /known_hosts:1$/);
  strictEqual(hosts.check("server", 22, two.bytes).kind, "revoked");
  strictEqual(hosts.check("other", 22, two.bytes).kind, "revoked");
  strictEqual(hosts.check("other", 22, three.bytes).kind, "unknown");
  deepStrictEqual(hosts.keyTypes("server", 22), ["ssh-ed25519", "ssh-rsa", "ssh-ed25519"]);
});
