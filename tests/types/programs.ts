/**
 * Programs that the compiler must accept, and programs that it must refuse, each with what it must say.
 *
 * @module
 */

/** A program of a user, without its imports. */
export interface Program {
  /** What it shows. */
  readonly name: string;
  /** The program. */
  readonly code: string;
  /** What the compiler says of it; undefined if it must accept it. */
  readonly error?: RegExp;
}

/** What every program begins with. */
export const PRELUDE = `
import {
  AggregateAndRepository, AggregateOrRepository, BlobRepository, BlockingRepository, DirectoryRepository, FileRepository,
  InProcessBlobRepository, InProcessMetadataRepository, InProcessSyncTask, MetadataRepository, Pipeline, RelatedItemRepository,
  Repository, ResourceManager, Resources, run, Session, SqliteBlobRepository, SqliteMetadataRepository,
  YamlMetadataFileRepository, type DoneRecord, type Task,
} from "@datatask/datatask";
const done = new InProcessMetadataRepository();
const books = new FileRepository("./books", ".txt");
const reports = new FileRepository("./reports", ".txt");
const sizes = new InProcessMetadataRepository<{ words: number }>();
const authors = new InProcessMetadataRepository<string>();
const counts = new InProcessMetadataRepository<number>();
const folders = new DirectoryRepository("./folders");
const task = () => new InProcessSyncTask("task", done);
const linked = () => task().link("books", books, { isInput: true }).link("sizes", sizes, { isOutput: true });
`;

/** The programs. */
export const PROGRAMS: readonly Program[] = [
  // Links and functions
  {
    name: "a function gets its linked repositories",
    code:
      `linked().func(async ({ job, books, sizes }) => { await sizes.dump(job, { words: (await books.readText(job)).length }); });`,
  },
  { name: "a function may ignore its arguments", code: `linked().func(() => {});` },
  { name: "a function may be synchronous", code: `linked().func(({ job }) => job.toUpperCase());` },
  {
    name: "a function gets the job as a string",
    code: `linked().func(({ job }) => { const n: number = job; });`,
    error: /'string' is not assignable to type 'number'/,
  },
  {
    name: "a function gets a signal",
    code: `linked().func(({ signal }) => signal.throwIfAborted());`,
  },
  {
    name: "a function gets its done repository",
    code: `linked().func(async ({ job, done }) => await done.contains(job));`,
  },
  {
    name: "a function cannot use a name that is not linked",
    code: `linked().func(({ novels }) => novels);`,
    error: /'novels' does not exist/,
  },
  {
    name: "a function cannot use what another task linked",
    code: `const other = task().link("authors", authors); linked().func(({ authors }) => authors);`,
    error: /'authors' does not exist/,
  },
  {
    name: "a blob cannot be dumped to",
    code: `linked().func(({ job, books }) => books.dump(job, 1));`,
    error: /'dump' does not exist/,
  },
  {
    name: "metadata cannot be read as text",
    code: `linked().func(({ job, sizes }) => sizes.readText(job));`,
    error: /'readText' does not exist/,
  },
  {
    name: "metadata of another type cannot be dumped",
    code: `linked().func(({ job, sizes }) => sizes.dump(job, { words: "many" }));`,
    error: /'string' is not assignable to type 'number'/,
  },
  {
    name: "metadata may be missing",
    code: `linked().func(async ({ job, sizes }) => (await sizes.info(job)).words);`,
    error: /possibly 'undefined'/,
  },
  {
    name: "metadata has its type",
    code:
      `linked().func(async ({ job, sizes }) => { const n: number | undefined = (await sizes.info(job))?.words; });`,
  },
  {
    name: "a folder has no text",
    code: `task().link("folders", folders).func(({ job, folders }) => folders.readText(job));`,
    error: /'readText' does not exist/,
  },
  {
    name: "a folder can be made",
    code: `task().link("folders", folders).func(({ job, folders }) => folders.mkdir(job));`,
  },
  {
    name: "a link name is used once",
    code: `linked().link("books", reports);`,
    error: /linked already/,
  },
  {
    name: "done is a link of every task",
    code: `task().link("done", counts);`,
    error: /linked already/,
  },
  {
    name: "job is not a name for a link",
    code: `task().link("job", books);`,
    error: /functions are given it/,
  },
  {
    name: "signal is not a name for a link",
    code: `task().link("signal", books);`,
    error: /functions are given it/,
  },
  {
    name: "a link leads to a repository",
    code: `task().link("books", new Map());`,
    error: /not assignable to parameter of type 'Repository/,
  },
  {
    name: "a link leads to a repository, not to a path",
    code: `task().link("books", "./books");`,
    error: /not assignable to parameter of type 'Repository/,
  },
  {
    name: "a link has no other options",
    code: `task().link("books", books, { isInptu: true });`,
    error: /'isInptu' does not exist/,
  },
  {
    name: "an option of a link is true or false",
    code: `task().link("books", books, { isInput: "yes" });`,
    error: /'string' is not assignable to type 'boolean/,
  },
  {
    name: "a link can have all options",
    code:
      `task().link("books", books, { isInput: true, isOutput: false, isStatus: false, inhibitsStart: false, requiredForStart: true, inhibitsOutput: false, requiredForOutput: false });`,
  },
  {
    name: "links of a task are read-only",
    code: `task().links.set("x", task().links.get("done")!);`,
    error: /'set' does not exist/,
  },
  // Tasks
  {
    name: "a blob cannot keep records",
    code: `new InProcessSyncTask("task", books);`,
    error: /'dump' is missing/,
  },
  {
    name: "metadata of another type cannot keep records",
    code: `new InProcessSyncTask("task", sizes);`,
    error: /not assignable to (parameter of )?type/,
  },
  {
    name: "metadata of records can keep records",
    code: `new InProcessSyncTask("task", new InProcessMetadataRepository<DoneRecord>());`,
  },
  {
    name: "YAML files can keep records",
    code: `new InProcessSyncTask("task", new YamlMetadataFileRepository("./done"));`,
  },
  {
    name: "SQLite can keep records",
    code: `new InProcessSyncTask("task", new SqliteMetadataRepository("./state.db", "done"));`,
  },
  {
    name: "a task has no other options",
    code: `new InProcessSyncTask("task", done, { retry: 3 });`,
    error: /'retry' does not exist/,
  },
  {
    name: "retries go by class",
    code:
      `new InProcessSyncTask("task", done, { retries: { infra: 5, user: 1 }, backoff: 2, timeout: 60, failureOk: true, maxConcurrent: 4, priority: (job) => job.length });`,
  },
  {
    name: "retries know no other class",
    code: `new InProcessSyncTask("task", done, { retries: { network: 5 } });`,
    error: /'network' does not exist/,
  },
  {
    name: "a quota is a manager",
    code: `new InProcessSyncTask("task", done, { resources: new Resources(1, 1) });`,
    error: /missing the following properties from type 'ResourceManager'/,
  },
  {
    name: "a task can have a quota",
    code:
      `new InProcessSyncTask("task", done, { resources: new ResourceManager(Resources.parse(4, "8Gi")), jobResources: Resources.parse("500m", "1Gi", 1) });`,
  },
  {
    name: "func keeps the links",
    code:
      `const a = linked().func(() => {}); task().plug(a).func(({ job, sizes }) => sizes.info(job));`,
  },
  // Plug
  {
    name: "a plugged task gets the outputs",
    code: `task().plug(linked()).func(async ({ job, sizes }) => (await sizes.info(job))?.words);`,
  },
  {
    name: "a plugged task does not get the inputs",
    code: `task().plug(linked()).func(({ books }) => books);`,
    error: /'books' does not exist/,
  },
  {
    name: "only outputs can be plugged",
    code: `task().plug(linked(), { outputLinks: ["books"] });`,
    error: /'"books"' is not assignable to type '"sizes"'/,
  },
  {
    name: "outputs that are not plugged are not there",
    code:
      `const a = linked().link("reports", reports, { isOutput: true }); task().plug(a, { outputLinks: ["reports"] }).func(({ sizes }) => sizes);`,
    error: /'sizes' does not exist/,
  },
  { name: "a translator gives keys", code: `task().plug(linked(), { translator: authors });` },
  {
    name: "a translator gives nothing but keys",
    code: `task().plug(linked(), { translator: counts });`,
    error: /'number' is not assignable to type 'string/,
  },
  // Pipelines
  {
    name: "a pipeline takes tasks of all kinds of links",
    code:
      `const a = linked().func(() => {}); const pipeline = new Pipeline([a, task().plug(a)], new Session()); await run(pipeline, { forever: false });`,
  },
  {
    name: "a pipeline takes no repositories",
    code: `new Pipeline([books]);`,
    error: /is (not assignable to type 'Task|missing the following properties)/,
  },
  {
    name: "priorities are numbers",
    code: `new Pipeline([task()], new Session(), { priority: (task, job) => job });`,
    error: /'string' is not assignable to type 'number'/,
  },
  {
    name: "a run has no other options",
    code: `await run(new Pipeline([task()]), { for_ever: true });`,
    error: /'for_ever' does not exist/,
  },
  {
    name: "a resource of a session has its type",
    code:
      `const session = new Session(); const db = session.resource(async function* db() { yield new Map<string, number>(); }); const n: number | undefined = db().get("a");`,
  },
  {
    name: "a resource of a session has no other type",
    code:
      `const session = new Session(); const db = session.resource(async function* db() { yield new Map<string, number>(); }); const s: string = db();`,
    error: /is not assignable to type 'string'/,
  },
  // Repositories
  {
    name: "reading modes give readers",
    code:
      `const text: string = await (await books.open("a", "r")).read(3); const bytes: Uint8Array = await (await books.open("a", "rb")).read();`,
  },
  {
    name: "writing modes give writers",
    code:
      `await using file = await books.open("a", "w"); await file.write("text"); await file.close();`,
  },
  {
    name: "a reader does not write",
    code: `await (await books.open("a", "r")).write("x");`,
    error: /'write' does not exist/,
  },
  {
    name: "a writer of bytes takes no text",
    code: `await (await books.open("a", "wb")).write("x");`,
    error: /'string' is not assignable to parameter of type 'Uint8Array/,
  },
  {
    name: "there is no other mode",
    code: `await books.open("a", "a+");`,
    error: /'"a\+"' is not assignable/,
  },
  { name: "info of a file is its path", code: `const path: string = await books.info("a");` },
  {
    name: "map gives what its function gives",
    code:
      `const lengths = books.map((path) => path.length); const n: number = await lengths.info("a");`,
  },
  {
    name: "map gives nothing else",
    code: `const s: string = await books.map((path) => path.length).info("a");`,
    error: /'number' is not assignable to type 'string'/,
  },
  {
    name: "map gets what its base gives",
    code: `counts.map((count) => count?.toFixed(1)); books.map((path) => path.toFixed(1));`,
    error: /'toFixed' does not exist on type 'string'/,
  },
  {
    name: "a filter is asked for a verdict",
    code: `books.map((path) => path, { filter: (job) => job });`,
    error: /'string' is not assignable to type 'boolean/,
  },
  {
    name: "the info of an aggregate is by child",
    code:
      `const both = new AggregateAndRepository({ books, sizes }); const { books: path, sizes: size } = await both.info("a"); const s: string = path; const n: number | undefined = size?.words;`,
  },
  {
    name: "the info of an aggregate has no other child",
    code:
      `const both = new AggregateOrRepository({ books, sizes }); (await both.info("a")).reports;`,
    error: /'reports' does not exist/,
  },
  {
    name: "an aggregate has repositories as children",
    code: `new AggregateAndRepository({ books, map: new Map() });`,
    error: /missing the following properties from type 'Repository/,
  },
  {
    name: "a blocking repository has the info of its source",
    code: `const s: string = await new BlockingRepository(books, sizes).info("a");`,
  },
  {
    name: "a blocking repository blocks by a repository",
    code: `new BlockingRepository(books, ["a"]);`,
    error: /not assignable to parameter of type 'Repository/,
  },
  {
    name: "a related blob is a blob",
    code:
      `const blob: BlobRepository = new RelatedItemRepository(books, authors); await blob.readText("a");`,
  },
  {
    name: "related metadata is metadata of its type",
    code:
      `const related: MetadataRepository<{ words: number }> = new RelatedItemRepository(sizes, authors);`,
  },
  {
    name: "related metadata is no blob",
    code: `new RelatedItemRepository(sizes, authors).readText("a");`,
    error: /'readText' does not exist/,
  },
  {
    name: "a translator of related items gives keys",
    code: `new RelatedItemRepository(books, counts);`,
    error: /'number' is not assignable to type 'string|No overload matches/,
  },
  {
    name: "options of a file repository are known",
    code:
      `new FileRepository("./books", { extension: ".txt", caseInsensitive: true }); new FileRepository("./books", { ext: ".txt" });`,
    error: /'ext' does not exist/,
  },
  {
    name: "SQLite metadata has its type",
    code: `await new SqliteMetadataRepository<number>("./a.db", "n").dump("a", "1");`,
    error: /'string' is not assignable to parameter of type 'number'/,
  },
  {
    name: "SQLite blobs are blobs",
    code: `const blob: BlobRepository = new SqliteBlobRepository("./a.db", "texts");`,
  },
  {
    name: "in-process data is a map of its type",
    code: `new InProcessMetadataRepository<number>(new Map([["a", "1"]]));`,
    error: /'string' is not assignable to type 'number'/,
  },
  {
    name: "a store of one's own needs three methods",
    code:
      `class Mine extends Repository { override async *unfilteredIter() { yield "a"; } override async info() {} override async delete() {} } new Mine();`,
  },
  {
    name: "a store of one's own cannot do without delete",
    code:
      `class Mine extends Repository { override async *unfilteredIter() { yield "a"; } override async info() {} } new Mine();`,
    error: /does not implement inherited abstract member/,
  },
];
