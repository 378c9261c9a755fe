/**
 * A namespace of a test's own in the cluster, with an account that may do what `examples/rbac.yaml` allows.
 */

import { KubeConfig } from "@kubernetes/client-node";
import {
  type KubernetesClient,
  kubernetesClient,
  type Pod,
  type PodManifest,
  type PodStatus,
} from "@datatask/datatask/kubernetes";
import { type Env, systemEnv } from "@datatask/datatask";
import { loadAll } from "js-yaml";
import { type KubeAccess, KubeHttp, KubeHttpError } from "../../executors/kube_http.ts";
import { kubeServer } from "../servers.ts";

/** Who may do anything. */
export class Admin implements Disposable {
  /** The cluster, for clients of other accounts. */
  readonly cluster: { readonly server: string; readonly caData: string };
  readonly #server: string;
  readonly #client: Deno.HttpClient;
  readonly #headers: Record<string, string>;

  private constructor(
    { server, caData = "" }: { readonly server: string; readonly caData?: string },
    client: Deno.HttpClient,
    headers: Record<string, string>,
  ) {
    this.cluster = { server, caData };
    this.#server = server;
    this.#client = client;
    this.#headers = headers;
  }

  static async logIn(file: string): Promise<Admin> {
    const config = new KubeConfig();
    config.loadFromFile(file);
    const access: KubeAccess = {};
    await config.applyToHTTPSOptions(access);
    const client = Deno.createHttpClient({
      caCerts: [new TextDecoder().decode(access.ca as Uint8Array)],
    });
    return new Admin(config.getCurrentCluster()!, client, {
      ...access.headers as Record<string, string>,
      "Content-Type": "application/json",
    });
  }

  async request<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    type = "application/json",
  ): Promise<T> {
    const response = await fetch(this.#server + path, {
      method,
      client: this.#client,
      headers: { ...this.#headers, "Content-Type": type },
      ...body !== undefined && { body: JSON.stringify(body) },
    });
    const text = await response.text();
    if (!response.ok) throw new KubeHttpError(response, text);
    return text.startsWith("{") ? JSON.parse(text) : text as T;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

interface Manifest {
  readonly kind: string;
  readonly subjects?: { namespace?: string }[];
}

/** A namespace that is removed with all that is in it. */
export class Namespace implements AsyncDisposable {
  readonly name: string;
  readonly admin: Admin;
  /** The client of the account. */
  readonly client: KubernetesClient & Disposable;
  /** A token of the account. */
  readonly token: string;

  private constructor(
    name: string,
    admin: Admin,
    client: KubernetesClient & Disposable,
    token: string,
  ) {
    this.name = name;
    this.admin = admin;
    this.client = client;
    this.token = token;
  }

  /** Makes one, in the cluster that tests share or in another one. */
  static async make(
    { config, mode }: { readonly config: string; readonly mode: string } = kubeServer.variables,
  ): Promise<Namespace> {
    const admin = await Admin.logIn(config);
    const name = `datatask-${crypto.randomUUID().slice(0, 13)}`;
    await admin.request("POST", "/api/v1/namespaces", { metadata: { name } });
    const manifests = await Deno.readTextFile(new URL("../../examples/rbac.yaml", import.meta.url));
    const folders: Record<string, string> = {
      ServiceAccount: `/api/v1/namespaces/${name}/serviceaccounts`,
      Role: `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/roles`,
      RoleBinding: `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/rolebindings`,
    };
    for (const manifest of loadAll(manifests) as Manifest[]) {
      for (const subject of manifest.subjects ?? []) subject.namespace = name;
      await admin.request("POST", folders[manifest.kind]!, manifest);
    }
    const { status } = await admin.request<{ status: { token: string } }>(
      "POST",
      `/api/v1/namespaces/${name}/serviceaccounts/datatask/token`,
      { spec: { expirationSeconds: 3600 } },
    );
    const client = await kubernetesClient({
      cluster: admin.cluster,
      user: { token: status.token },
    });
    const made = new Namespace(name, admin, client, status.token);
    if (mode === "full") {
      await made.until(() =>
        admin.request("GET", `/api/v1/namespaces/${name}/serviceaccounts/default`)
      );
    }
    return made;
  }

  /** Lets the account do this and nothing else: verbs, by resource. */
  async allow(allowed: Readonly<Record<string, readonly string[]>>): Promise<void> {
    await this.admin.request(
      "PATCH",
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${this.name}/roles/datatask`,
      {
        rules: Object.entries(allowed).map(([resource, verbs]) => (
          { apiGroups: [""], resources: [resource], verbs }
        )),
      },
      "application/merge-patch+json",
    );
  }

  /** A kubeconfig of the account. */
  get kubeconfig(): unknown {
    const { server, caData } = this.admin.cluster;
    return {
      clusters: [{ name: "test", cluster: { server, "certificate-authority-data": caData } }],
      users: [{ name: "test", user: { token: this.token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      "current-context": "test",
    };
  }

  /** All pods. */
  async pods(): Promise<Pod[]> {
    return (await this.admin.request<{ items: Pod[] }>(
      "GET",
      `/api/v1/namespaces/${this.name}/pods`,
    )).items;
  }

  /** Tries until it succeeds, or gives something other than false. */
  async until<T>(check: () => Promise<T | false>): Promise<T> {
    for (let last: unknown, end = Date.now() + 60_000;;) {
      try {
        const value = await check();
        if (value !== false) return value;
      } catch (error) {
        last = error;
      }
      if (Date.now() > end) throw new Error(`Nothing came of it: ${check}`, { cause: last });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.admin.request("DELETE", `/api/v1/namespaces/${this.name}`);
    this.admin[Symbol.dispose]();
  }
}

/** A request to the API server. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Stands in front of the API server: counts what is asked, and does to it what `fault` says. */
export class ApiProxy implements AsyncDisposable {
  readonly requests: ApiRequest[] = [];
  /** What is answered in place of the server; nothing, to let it answer. */
  fault: (request: ApiRequest) => Response | Promise<Response> | undefined = () => undefined;
  /** Which requests reach the server, but are not answered. */
  lose: (request: ApiRequest) => boolean = () => false;
  /** A client that goes through here, as the namespace's account. */
  readonly client: KubeHttp;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #upstream: Deno.HttpClient;
  readonly #streams = new Set<ReadableStreamDefaultReader<Uint8Array>>();

  constructor(namespace: Namespace) {
    const { server, caData } = namespace.admin.cluster;
    this.#upstream = Deno.createHttpClient({ caCerts: [atob(caData)], http2: false });
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const url = new URL(request.url);
        const seen = { method: request.method, path: url.pathname, query: url.searchParams };
        this.requests.push(seen);
        const answer = await this.fault(seen);
        if (answer !== undefined) return answer;
        const response = await fetch(server + url.pathname + url.search, {
          method: request.method,
          headers: request.headers,
          client: this.#upstream,
          ...request.body !== null && { body: await request.text() },
        });
        if (this.lose(seen)) {
          await response.body?.cancel();
          return new Response("the answer is lost", { status: 502 });
        }
        const headers = new Headers(response.headers);
        headers.delete("Content-Encoding"); // which is undone already
        headers.delete("Content-Length");
        const { status } = response;
        return new Response(response.body && this.#relay(response.body), { status, headers });
      },
    );
    this.client = new KubeHttp(
      `http://127.0.0.1:${this.#server.addr.port}`,
      undefined,
      () => Promise.resolve({ headers: { Authorization: `Bearer ${namespace.token}` } }),
    );
  }

  /** How many requests came with a method, watches apart. */
  count(method: string, path = /^/): number {
    return this.requests.filter((request) =>
      request.method === method && path.test(request.path) && !request.query.has("watch")
    ).length;
  }

  /** How many watches were begun. */
  get watches(): number {
    return this.requests.filter(({ query }) => query.has("watch")).length;
  }

  /** Ends all answers that go on: as a server does that is stopped. */
  async cut(): Promise<void> {
    for (const reader of this.#streams) await reader.cancel().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.cut();
    await this.#server.shutdown();
    this.#upstream.close();
  }

  #relay(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = body.getReader();
    this.#streams.add(reader);
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        this.#streams.delete(reader);
        controller.close();
      },
      cancel: async (reason) => {
        this.#streams.delete(reader);
        await reader.cancel(reason);
      },
    });
  }
}

/** A pod that no scheduler looks at: what becomes of it is set by {@linkcode setStatus}. */
export const UNSCHEDULED: PodManifest = {
  kind: "Pod",
  spec: {
    schedulerName: "nobody",
    containers: [{ name: "main", image: "nothing", command: ["true"] }],
  },
};

/** Sets what has become of a pod, as a kubelet does. */
export async function setStatus(namespace: Namespace, pod: Pod, status: PodStatus): Promise<void> {
  await namespace.admin.request(
    "PATCH",
    `/api/v1/namespaces/${namespace.name}/pods/${pod.metadata?.name}/status`,
    { status },
    "application/merge-patch+json",
  );
}

/** What the status of a pod says whose only container has run, and has ended. */
export function endedStatus(exitCode: number): PodStatus {
  const time = new Date().toISOString();
  return {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    containerStatuses: [{
      name: "main",
      state: { terminated: { exitCode, startedAt: time, finishedAt: time } },
    }],
  };
}

/** Lets each pod succeed that is there, until `signal` is aborted. Tells how many did. */
export async function playKubelet(namespace: Namespace, signal: AbortSignal): Promise<number> {
  const seen = new Set<string>();
  while (!signal.aborted) {
    for (const pod of await namespace.pods()) {
      const { uid = "" } = pod.metadata ?? {};
      if (seen.has(uid) || pod.status?.phase !== "Pending") continue;
      seen.add(uid);
      await setStatus(namespace, pod, { phase: "Succeeded" });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return seen.size;
}

/** Time that passes a hundred times as fast, for whatever waits. */
export const hastyEnv: Env = {
  ...systemEnv,
  elapsed: () => performance.now() * 100,
  schedule: (callback, delay) => systemEnv.schedule(callback, delay / 100),
};

/** Where Deno keeps packages, which pods have no network to get. */
export async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir }: { denoDir: string } = JSON.parse(new TextDecoder().decode(stdout));
  return denoDir;
}
