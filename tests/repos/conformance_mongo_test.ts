import { TcpProxy } from "../faulty_proxy.ts";
import { mongoServer } from "../servers.ts";
import { type JsonValue, testRepository } from "../suite/mod.ts";
import { TestDatabase } from "./mongo_fixture.ts";

/** Names of fields cannot have NUL characters in them. */
function named(json: JsonValue): JsonValue {
  if (typeof json !== "object" || json === null) return json;
  if (json instanceof Array) return json.map(named);
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => [name.replaceAll("\0", "\u2400"), named(value)]),
  );
}

if (mongoServer.ignore) {
  Deno.test({ name: "MongoMetadataRepository", ignore: true, fn() {} });
} else {
  await testRepository({
    name: "MongoMetadataRepository",
    create: async () => {
      const proxy = new TcpProxy(new URL(mongoServer.variables.url).host);
      const database = await TestDatabase.make({ serverSelectionTimeoutMS: 200 }, proxy.host);
      return {
        repository: database.repository("books"),
        reopen: () => Promise.resolve(database.repository("books")),
        fail: () => proxy.refuse(),
        dispose: async () => {
          await database[Symbol.asyncDispose]();
          await proxy[Symbol.asyncDispose]();
        },
      };
    },
    value: (json) => ({ json: named(json) }),
  });
}
