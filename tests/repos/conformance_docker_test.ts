import { TcpProxy } from "../faulty_proxy.ts";
import { registryServer } from "../servers.ts";
import { testRepository } from "../suite/mod.ts";
import { TestImages } from "./docker_fixture.ts";

if (registryServer.ignore) {
  Deno.test({ name: "DockerRepository", ignore: true, fn() {} });
} else {
  await testRepository({
    name: "DockerRepository",
    create: () => {
      const proxy = new TcpProxy(registryServer.variables.host);
      const images = new TestImages(proxy.host);
      return {
        repository: images.repository(),
        put: async (job) => void await images.push("a layer", job),
        reopen: () => Promise.resolve(images.repository()),
        fail: () => proxy.refuse(),
        dispose: async () => {
          await images[Symbol.asyncDispose]();
          await proxy[Symbol.asyncDispose]();
        },
      };
    },
    capabilities: { manyKeys: 30 },
  });
}
