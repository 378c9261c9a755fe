/**
 * A namespace of a test's own in the cluster, with an account that may do what `examples/rbac.yaml` allows.
 */

import { KubeConfig } from "@kubernetes/client-node";
import { type KubernetesClient, kubernetesClient, type Pod } from "@datatask/datatask/kubernetes";
import { loadAll } from "js-yaml";
import { type KubeAccess, KubeHttpError } from "../../executors/kube_http.ts";
import { kubeServer } from "../servers.ts";

/** Who may do anything. */
export class Admin implements Disposable {
  readonly #server: string;
  readonly #client: Deno.HttpClient;
  readonly #headers: Record<string, string>;

  private constructor(server: string, client: Deno.HttpClient, headers: Record<string, string>) {
    this.#server = server;
    this.#client = client;
    this.#headers = headers;
  }

  static async logIn(): Promise<Admin> {
    const config = new KubeConfig();
    config.loadFromFile(kubeServer.variables.config);
    const access: KubeAccess = {};
    await config.applyToHTTPSOptions(access);
    const client = Deno.createHttpClient({
      caCerts: [new TextDecoder().decode(access.ca as Uint8Array)],
    });
    return new Admin(config.getCurrentCluster()!.server, client, {
      ...access.headers as Record<string, string>,
      "Content-Type": "application/json",
    });
  }

  /** The cluster, for clients of other accounts. */
  get cluster(): { readonly server: string; readonly caData: string } {
    const config = new KubeConfig();
    config.loadFromFile(kubeServer.variables.config);
    const { server, caData = "" } = config.getCurrentCluster()!;
    return { server, caData };
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

  static async make(): Promise<Namespace> {
    const admin = await Admin.logIn();
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
    if (kubeServer.variables.mode === "full") {
      await made.until(() =>
        admin.request("GET", `/api/v1/namespaces/${name}/serviceaccounts/default`)
      );
    }
    return made;
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
