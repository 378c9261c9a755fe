/**
 * A pipeline whose function runs in pods: it counts the words of texts in S3, and writes what it found to MongoDB. The same
 * program makes the pods and runs in them.
 *
 * @module
 */

import {
  KubeFunctionTask,
  main,
  MongoMetadataRepository,
  Pipeline,
  PodManager,
  S3BucketRepository,
  Session,
} from "@datatask/datatask";
import { mongoClient } from "@datatask/datatask/mongodb";
import { s3Client } from "@datatask/datatask/s3";

/** What the program is told, here as in its pods. */
const VARIABLES = [
  "DATATASK_TEST_S3_ENDPOINT",
  "DATATASK_TEST_S3_KEY",
  "DATATASK_TEST_S3_SECRET",
  "DATATASK_TEST_MONGO_URL",
  "DENO_DIR",
  "TEST_BUCKET",
  "TEST_DATABASE",
  "TEST_IMAGE",
  "TEST_NAMESPACE",
  "TEST_ROOT",
] as const;
const given = Object.fromEntries(VARIABLES.map((name) => [name, Deno.env.get(name) ?? ""]));

const session = new Session();
const s3 = session.resource(() =>
  s3Client({
    endpoint: given.DATATASK_TEST_S3_ENDPOINT,
    credentials: {
      accessKeyId: given.DATATASK_TEST_S3_KEY ?? "",
      secretAccessKey: given.DATATASK_TEST_S3_SECRET ?? "",
    },
  })
);
const mongo = session.resource(() => mongoClient(given.DATATASK_TEST_MONGO_URL));
const collection = (name: string) => () => mongo().db(given.TEST_DATABASE).collection(name);

const mounts = [given.DENO_DIR ?? "", given.TEST_ROOT ?? ""];
const words = new KubeFunctionTask(
  "words",
  new PodManager("words", given.TEST_NAMESPACE || "default"),
  new MongoMetadataRepository(collection("done")),
  {
    funcDone: new MongoMetadataRepository(collection("func_done")),
    template: () => ({
      kind: "Pod",
      spec: {
        hostNetwork: true,
        automountServiceAccountToken: false,
        containers: [{
          name: "main",
          image: given.TEST_IMAGE,
          env: VARIABLES.map((name) => ({ name, value: given[name] })),
          volumeMounts: mounts.map((mountPath, index) => ({ name: `m${index}`, mountPath })),
        }],
        volumes: mounts.map((path, index) => ({ name: `m${index}`, hostPath: { path } })),
      },
    }),
  },
)
  .link("texts", new S3BucketRepository(s3, given.TEST_BUCKET || "texts"), { isInput: true })
  .link("counts", new MongoMetadataRepository<{ words: number }>(collection("counts")), {
    isOutput: true,
  })
  .func(async ({ job, texts, counts }) => {
    const text = await texts.readText(job);
    if (text === "") throw new RangeError("nothing is written here");
    await counts.dump(job, { words: text.split(/\s+/).length });
  });

export const pipeline = new Pipeline([words], session);
if (import.meta.main) await main(pipeline);
