import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import {
  InProcessMetadataRepository,
  KubeFunctionTask,
  Pipeline,
  PipelineError,
  PodManager,
  type PodRecord,
  S3BucketRepository,
} from "@datatask/datatask";
import { TestDatabase, urlOf } from "../repos/mongo_fixture.ts";
import { TestBucket } from "../repos/s3_fixture.ts";
import { kubeServer, mongoServer, s3Server } from "../servers.ts";
import { Namespace, UNSCHEDULED } from "./kube.ts";

const full = {
  ignore: kubeServer.ignore || s3Server.ignore || mongoServer.ignore ||
    kubeServer.variables.mode !== "full",
};

Deno.test("KubeFunctionTask refuses repositories that a pod cannot reach", async () => {
  const memory = new InProcessMetadataRepository();
  const task = new KubeFunctionTask("task", new PodManager("app", "default"), memory, {
    template: () => UNSCHEDULED,
    funcDone: memory,
  })
    .link("input", memory, { isInput: true })
    .link("view", memory.map((value) => value), { isOutput: true });
  await rejects(new Pipeline([task]).open(), (error) => {
    if (!(error instanceof PipelineError)) return false;
    match(error.problems.join("\n"), /task "task" has no function: give it one with \.func/);
    for (const link of ["func_done", "input", "view"]) {
      match(
        error.problems.join("\n"),
        new RegExp(
          `link "task\\.${link}" leads to .*, which holds its data in the memory of this program`,
        ),
      );
    }
    return true;
  });
});

Deno.test("KubeFunctionTask reads S3 and writes MongoDB from within pods", full, async () => {
  await using namespace = await Namespace.make();
  await using database = await TestDatabase.make();
  await using bucket = await TestBucket.make();
  const texts = new S3BucketRepository(bucket.client, bucket.name);
  await texts.writeText("Moby", "Call me Ishmael.");
  await texts.writeText("blank", "");
  const root = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir }: { denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  const config = await Deno.makeTempFile();
  await Deno.writeTextFile(config, JSON.stringify(namespace.kubeconfig));
  const program = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${root}/tests/executors/kube_function_program.ts`, "run"],
    env: {
      KUBECONFIG: config,
      DENO_DIR: denoDir,
      TEST_BUCKET: bucket.name,
      TEST_DATABASE: database.name,
      TEST_IMAGE: kubeServer.variables.denoImage,
      TEST_NAMESPACE: namespace.name,
      TEST_ROOT: root,
      DATATASK_TEST_MONGO_URL: urlOf(),
    },
  }).output();
  const said = new TextDecoder().decode(program.stderr);
  strictEqual(program.code, 1, said); // as one of the jobs fails
  deepStrictEqual(await database.repository("counts").infoAll(), new Map([["Moby", { words: 3 }]]));
  const done = database.repository("done");
  const well = await done.info("Moby") as PodRecord;
  deepStrictEqual([well.success, well.reason, well.node], [true, "Succeeded", "localhost"]);
  const failed = await done.info("blank") as PodRecord;
  deepStrictEqual(
    [failed.class, failed.exception, failed.return_code, failed.attempts],
    ["user", "RangeError: nothing is written here", 1, 1],
  );
  match(failed.traceback?.[1] ?? "", /kube_function_program\.ts/);
  const functions = database.repository("func_done");
  strictEqual((await functions.info("Moby") as PodRecord).success, true);
  strictEqual((await functions.info("blank") as PodRecord).exception, failed.exception);
  deepStrictEqual(await namespace.pods(), []);
  await Deno.remove(config);
});
