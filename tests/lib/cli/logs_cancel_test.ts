import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Listener, Programs } from "./programs.ts";

const PIPELINE = `
  const books = new FakeMetadata("books", keys("emma", "moby", "new"));
  class RemoteTask extends Task {
    runs = new Set(["emma"]);
    execute(job) {
      return Promise.resolve({ success: true, start_time: "", end_time: "" });
    }
    recover() {
      if (Deno.args[0] === "launch") return Promise.resolve([]);
      return Promise.reject(new StoreError("another program starts jobs there"));
    }
    cancel(job) {
      return Promise.resolve(this.runs.delete(job));
    }
    logs(job, { follow = false } = {}) {
      if (job === "new" && !follow) return Promise.resolve(undefined);
      return Promise.resolve(new Response(job + (follow ? " goes on\\n" : " said\\n")).body);
    }
  }
  const remote = new RemoteTask("remote", new FakeMetadata("records"))
    .link("in", books, { isInput: true })
    .link("live", new FakeMetadata("live", keys("emma", "moby")), { isStatus: true, inhibitsOutput: true });
  const local = makeTask("local", books);
  await main(new Pipeline([remote, local]));
`;

async function program(...args: string[]): Promise<[code: number, stdout: string, stderr: string]> {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(PIPELINE, args);
  return [code, stdout, stderr];
}

Deno.test("logs shows what a job has written, and goes on with --follow", async () => {
  deepStrictEqual(await program("logs", "remote", "emma"), [0, "emma said\n", ""]);
  deepStrictEqual(await program("logs", "-f", "remote", "emma"), [0, "emma goes on\n", ""]);
});

Deno.test("logs --follow ends with 130 when it is interrupted", async () => {
  await using programs = new Programs();
  const child = programs.command(
    PIPELINE.replace(
      "logs(job, { follow = false } = {}) {",
      `logs(_job, { signal }) {
        return Promise.resolve(new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode("begun\\n"));
            const waiting = setInterval(() => {}, 1000);
            signal.addEventListener("abort", () => (clearInterval(waiting), controller.close()));
          },
        }));
      }
      said(job, { follow = false } = {}) {`,
    ),
    ["logs", "-f", "remote", "emma"],
    { stdout: "piped", stderr: "piped" },
  ).spawn();
  const stdout = new Listener(child.stdout);
  await stdout.hear("begun\n");
  child.kill("SIGINT");
  deepStrictEqual([await new Listener(child.stderr).rest(), await stdout.rest()], ["", "begun\n"]);
  strictEqual((await child.status).code, 130);
});

Deno.test("logs says when nothing is known", async () => {
  const [code, , stderr] = await program("logs", "remote", "new");
  match(stderr, /Nothing is known of what remote new has written/);
  strictEqual(code, 2);
  match((await program("logs", "local", "emma"))[2], /goes to the program that runs them/);
  match((await program("logs", "remote", "../x"))[2], /"..\/x" is not a valid job id/);
});

Deno.test("cancel ends a job that runs, and says of another that it does not", async () => {
  deepStrictEqual(await program("cancel", "remote", "emma"), [0, "emma\n", ""]);
  deepStrictEqual(await program("cancel", "remote", "emma", "moby"), [
    1,
    "emma\n",
    "remote moby does not run\n",
  ]);
});

Deno.test("cancel TASK __all__ ends all jobs that run, whichever program has started them", async () => {
  deepStrictEqual(await program("cancel", "remote", "__all__"), [0, "emma\n", ""]);
});

Deno.test("cancel TASK __all__ says so when no job runs", async () => {
  await using programs = new Programs();
  const { code, stdout, stderr } = await programs.run(
    PIPELINE.replace('new Set(["emma"])', "new Set()"),
    ["cancel", "remote", "__all__"],
  );
  deepStrictEqual([code, stdout, stderr], [0, "", 'no job of task "remote" runs\n']);
});

Deno.test("cancel refuses what cannot be cancelled, and names that do not exist", async () => {
  const cases: [string[], RegExp][] = [
    [["local", "emma"], /run inside the program that started them: interrupt that/],
    [["remote", "emmy"], /No repository of the pipeline holds a key "emmy"; did you mean "emma"/],
    [["remote", "../x"], /"..\/x" is not a valid job id/],
    [["remot", "emma"], /did you mean "remote"/],
  ];
  for (const [args, message] of cases) {
    const [code, , stderr] = await program("cancel", ...args);
    match(stderr, message);
    strictEqual(code, 2);
  }
});

Deno.test("launch --sync shows what the job writes", async () => {
  deepStrictEqual(await program("launch", "--sync", "remote", "new"), [0, "new goes on\n", ""]);
  deepStrictEqual(await program("launch", "remote", "new"), [0, "", "remote new is done\n"]);
});
