import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readSshConfig } from "../../executors/ssh_config.ts";
import { temporaryFolder } from "./processes.ts";

Deno.test("readSshConfig() takes the first value of each setting that applies to the host", async () => {
  await using folder = await temporaryFolder();
  const home = folder.path;
  await Deno.mkdir(`${home}/.ssh/more`, { recursive: true });
  await Deno.writeTextFile(
    `${home}/.ssh/config`,
    `# comment
Include more/*.conf
Host gate-?  !gate-9
  HostName %h.example.org
  Port=2222
  IdentityFile "~/.ssh/my key"
  User alice
Match host gate-1
  User mallory
Host *
  User bob
  Port 22
  IdentityFile ~/.ssh/id_%h
`,
  );
  await Deno.writeTextFile(
    `${home}/.ssh/more/a.conf`,
    "Host gate-2\n user carol\nHost x\n user dave",
  );
  const read = (host: string) => readSshConfig(host, `${home}/.ssh/config`, home);
  deepStrictEqual(await read("gate-1"), {
    hostName: "gate-1.example.org",
    user: "alice",
    port: 2222,
    identityFiles: [`${home}/.ssh/my key`, `${home}/.ssh/id_gate-1.example.org`],
  });
  strictEqual((await read("gate-2")).user, "carol");
  deepStrictEqual(await read("gate-9"), {
    user: "bob",
    port: 22,
    identityFiles: [`${home}/.ssh/id_gate-9`],
  });
  deepStrictEqual(await readSshConfig("gate-1", `${home}/missing`, home), { identityFiles: [] });
});
