/**
 * Data-driven pipelines: a task runs for every key that its input repositories hold and its output repositories lack.
 *
 * A **task** is one phase of computation. It runs once for each **job**, which is named by a key. Data lives in
 * **repositories**: key-value stores of any kind, of which a pipeline only needs to list, test and delete keys. A task
 * is tied to its repositories by **links**, and a job of it is ready when every repository that it requires holds the
 * key and none that inhibits it does. So progress is kept nowhere but in the data: kill everything, start again, and
 * it goes on where it was.
 *
 * @example A pipeline of one task
 * ```ts
 * import { InProcessBlobRepository, InProcessMetadataRepository, InProcessSyncTask, Pipeline, run } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const books = new InProcessBlobRepository();
 * const reports = new InProcessBlobRepository();
 *
 * const summary = new InProcessSyncTask("summary", new InProcessMetadataRepository())
 *   .link("books", books, { isInput: true })
 *   .link("reports", reports, { isOutput: true })
 *   .func(async ({ job, books, reports }) => {
 *     const words = (await books.readText(job)).split(/\s+/);
 *     await reports.writeText(job, `The book "${job}" has ${words.length} words\n`);
 *   });
 *
 * await books.writeText("moby", "Call me Ishmael.");
 * await run(new Pipeline([summary]));
 * strictEqual(await reports.readText("moby"), 'The book "moby" has 3 words\n');
 * ```
 *
 * In place of `run`, `await main(pipeline)` makes a program of it, with verbs that run the pipeline, show how far it
 * is, explain why a job is or is not done, and read and change its data.
 *
 * @module
 */

export {
  AggregateAndRepository,
  AggregateOrRepository,
  AggregateRepository,
  type ChildrenInfo,
} from "./lib/aggregate_repository.ts";
export { BlobRepository } from "./lib/blob_repository.ts";
export { type BlockingOptions, BlockingRepository } from "./lib/blocking_repository.ts";
export { type DoneRecord, type DoneRepository, saysFailed } from "./lib/done_record.ts";
export { catData, type CatDataOptions } from "./lib/cli/cat.ts";
export { injectData, type InjectDataOptions } from "./lib/cli/inject.ts";
export { launch, type LaunchOptions, type LaunchOutcome } from "./lib/cli/launch.ts";
export { listData, type ListDataOptions } from "./lib/cli/ls.ts";
export { main, type MainOptions } from "./lib/cli/main.ts";
export { deleteData, type DeleteDataOptions } from "./lib/cli/rm.ts";
export { run } from "./lib/cli/run.ts";
export { shell } from "./lib/cli/shell.ts";
export { printStatus, type PrintStatusOptions } from "./lib/cli/status.ts";
export { printTrace, type PrintTraceOptions } from "./lib/cli/trace.ts";
export { update } from "./lib/cli/update.ts";
export { UsageError } from "./lib/cli/usage_error.ts";
export type { Verb, VerbContext, VerbOption } from "./lib/cli/verb.ts";
export type { Leftover, RunReport, Unreachable } from "./lib/engine/report.ts";
export type { RunOptions } from "./lib/engine/run.ts";
export { type Env, systemEnv } from "./lib/env.ts";
export {
  DataError,
  type FailureClass,
  JobError,
  JobIdError,
  NotFoundError,
  PipelineError,
  StoreError,
} from "./lib/errors.ts";
export type { GraphEdge, GraphNode, PipelineGraph } from "./lib/graph.ts";
export { checkJobId, isValidJobId, JobIdRule, type JobIdRuleOptions } from "./lib/job_id.ts";
export type { Link, LinkOptions } from "./lib/link.ts";
export {
  type OpenOptions,
  Pipeline,
  type PipelineOptions,
  type PipelineSettings,
} from "./lib/pipeline.ts";
export {
  isRelatedItem,
  type RelatedItem,
  type RelatedItemOptions,
  RelatedItemRepository,
  type RelatedItemRepositoryConstructor,
  type Translator,
} from "./lib/related_item_repository.ts";
export {
  type MapOptions,
  MapRepository,
  MetadataRepository,
  Repository,
  type RepositoryChange,
  type ValidateOptions,
} from "./lib/repository.ts";
export { ResourceManager, type ResourceManagerOptions } from "./lib/resource_manager.ts";
export { parseQuantity, type Quantity, Resources, ResourceType } from "./lib/resources.ts";
export { access, type Accessor, type Resource, Session } from "./lib/session.ts";
export { BlobReader, BlobWriter, TextReader, TextWriter } from "./lib/streams.ts";
export type { Attempt, RecoveredJob } from "./lib/attempt.ts";
export type {
  FreeName,
  HasLinks,
  IsOutput,
  LinksOf,
  LinkType,
  linkTypes,
  NameProblem,
  nameProblem,
  OutputLinks,
  OutputsOf,
  Plugged,
  RepositoriesOf,
  ReservedName,
} from "./lib/link_types.ts";
export { type PlugOptions, Task, type TaskOptions } from "./lib/task.ts";
export { interceptWarnings } from "./lib/warnings.ts";

export type { CallMessage } from "./executors/calls.ts";
export type { SentError } from "./executors/remote_error.ts";
export type { Executor, ExecutorJob } from "./executors/executor.ts";
export { ExecutorLiveRepo, type LiveJobInfo } from "./executors/executor_live_repo.ts";
export type { HostEvents, HostLine } from "./executors/executor_host.ts";
export { ExecutorPool, type ExecutorPoolOptions } from "./executors/executor_pool.ts";
export { ExecutorTask, type ExecutorTaskOptions } from "./executors/executor_task.ts";
export type { ExecutorPermissions, PermissionKind } from "./executors/permission_flags.ts";
export {
  SubprocessExecutor,
  type SubprocessExecutorOptions,
} from "./executors/subprocess_executor.ts";
export { WorkerExecutor, type WorkerExecutorOptions } from "./executors/worker_executor.ts";
export { FunctionTask, type JobArguments } from "./executors/function_task.ts";
export { InProcessSyncTask } from "./executors/in_process_sync_task.ts";
export type { KeptFolder } from "./executors/job_folders.ts";
export {
  type KubeFunctionLinks,
  KubeFunctionTask,
  type KubeFunctionTaskOptions,
} from "./executors/kube_function_task.ts";
export { LiveKubeRepository, type PodInfo } from "./executors/kube_live_repository.ts";
export { type KubeLinks, KubeTask, type KubeTaskOptions } from "./executors/kube_task.ts";
export {
  LocalLinuxManager,
  type LocalLinuxManagerOptions,
} from "./executors/local_linux_manager.ts";
export type * from "./executors/pod_api.ts";
export type { PodLogOptions } from "./executors/pod_log.ts";
export {
  type PodLaunchOptions,
  PodManager,
  type PodManagerOptions,
} from "./executors/pod_manager.ts";
export type { PodRecord } from "./executors/pod_record.ts";
export type { PodFunction } from "./executors/pod_source.ts";
export type { PodTracker } from "./executors/pod_tracker.ts";
export type { NotedProcess, ProcessStat, ProcessTable } from "./executors/process_identity.ts";
export { type ProcessEnd, ProcessJob } from "./executors/process_job.ts";
export {
  AbstractProcessManager,
  type JobStart,
  type MachineView,
  type ProcessLaunch,
  type ProcessManagerOptions,
  type Uptime,
} from "./executors/process_manager.ts";
export {
  type ProcessLinks,
  ProcessTask,
  type ProcessTaskOptions,
  type ScriptArguments,
  type ScriptFunction,
  STDOUT,
} from "./executors/process_task.ts";
export { type ProcessInfo, RunningProcesses } from "./executors/running_processes.ts";
export type { ScriptValues } from "./executors/script_source.ts";
export { sh, ShellScript, shquote } from "./executors/sh.ts";
export type * from "./executors/ssh_api.ts";
export { SSHLinuxManager, type SSHLinuxManagerOptions } from "./executors/ssh_linux_manager.ts";
export type { TemplateSource } from "./executors/template.ts";

export {
  DirectoryRepository,
  type DirectoryRepositoryOptions,
} from "./repos/directory_repository.ts";
export {
  DockerRegistry,
  type DockerRegistryOptions,
  type RegistryRequest,
} from "./repos/docker_registry.ts";
export { type DockerImageInfo, DockerRepository } from "./repos/docker_repository.ts";
export {
  FileRepository,
  type FileRepositoryBase,
  type FolderOptions,
} from "./repos/file_repository.ts";
export {
  InProcessBlobRepository,
  InProcessBlobStream,
} from "./repos/in_process_blob_repository.ts";
export { InProcessMetadataRepository } from "./repos/in_process_metadata_repository.ts";
export type * from "./repos/mongo_api.ts";
export {
  MongoMetadataRepository,
  type MongoMetadataRepositoryOptions,
} from "./repos/mongo_metadata_repository.ts";
export {
  S3BucketInfo,
  S3BucketRepository,
  type S3BucketRepositoryOptions,
} from "./repos/s3_bucket_repository.ts";
export type * from "./repos/s3_api.ts";
export { type SqliteBlobInfo, SqliteBlobRepository } from "./repos/sqlite_blob_repository.ts";
export { SqliteMetadataRepository } from "./repos/sqlite_metadata_repository.ts";
export {
  YamlMetadataFileRepository,
  YamlMetadataRepository,
} from "./repos/yaml_metadata_repository.ts";
export { YamlMetadataS3Repository } from "./repos/yaml_metadata_s3_repository.ts";
