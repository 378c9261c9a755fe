import { strictEqual, throws } from "node:assert/strict";
import { InProcessSyncTask } from "../../../executors/in_process_sync_task.ts";
import { selectLink, selectTask } from "../../../lib/cli/select.ts";
import { UsageError } from "../../../lib/cli/usage_error.ts";
import { Pipeline } from "../../../lib/pipeline.ts";
import { FakeMetadata } from "../fake_stores.ts";

const books = new FakeMetadata("books");
const count = new InProcessSyncTask("count-1", new FakeMetadata("done"))
  .link("books", books, { isInput: true })
  .func(() => {});
const pipeline = new Pipeline([count]);

function refused(action: () => unknown, message: string): void {
  throws(action, (error) => {
    strictEqual(error instanceof UsageError && error.message, message);
    return true;
  });
}

Deno.test("selectTask() finds a task, and suggests one", () => {
  strictEqual(selectTask(pipeline, "count-1"), count);
  refused(
    () => selectTask(pipeline, "cuont-1"),
    'There is no task "cuont-1"; did you mean "count-1"?',
  );
  refused(() => selectTask(pipeline, ""), 'There is no task ""; the tasks are count-1');
});

Deno.test("selectLink() finds a link, and suggests one", () => {
  const { task, name, link } = selectLink(pipeline, "count-1.books");
  strictEqual(task, count);
  strictEqual(name, "books");
  strictEqual(link.repo, books);
  refused(
    () => selectLink(pipeline, "count-1.book"),
    'Task "count-1" has no link "book"; did you mean "books"?',
  );
  refused(
    () => selectLink(pipeline, "count-1.xyz"),
    'Task "count-1" has no link "xyz"; the links are done, books',
  );
  refused(
    () => selectLink(pipeline, "cout-1.books"),
    'There is no task "cout-1"; did you mean "count-1"?',
  );
  refused(
    () => selectLink(pipeline, "count-1"),
    '"count-1" does not name a repository: write TASK.LINK, one of count-1.done, count-1.books',
  );
  refused(() => selectLink(pipeline, "x"), '"x" does not name a repository: write TASK.LINK');
});

Deno.test("selectTask() and selectLink() find nothing that objects have by nature", () => {
  throws(() => selectTask(pipeline, "constructor"), UsageError);
  throws(() => selectLink(pipeline, "count-1.constructor"), UsageError);
});
