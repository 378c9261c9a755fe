/**
 * What the executors need of Kubernetes: pods as far as they are looked at, and a part of the class `CoreV1Api` of the
 * official client as far as it is called.
 *
 * @module
 */

/** A point in time: ISO 8601, or as a client has read it. */
export type PodTime = string | Date;

/** What a pod, or another object, is known by. */
export interface PodMetadata {
  /** Its name, of which there is one at a time in a namespace. */
  readonly name?: string | undefined;
  /** Its namespace. */
  readonly namespace?: string | undefined;
  /** Its id, of which there is never another. */
  readonly uid?: string | undefined;
  /** Which of its states this is. */
  readonly resourceVersion?: string | undefined;
  /** By what it is selected. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** What else is to be known of it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** When it was made. */
  readonly creationTimestamp?: PodTime | undefined;
  /** When it is gone at the latest; only if somebody has deleted it. */
  readonly deletionTimestamp?: PodTime | undefined;
  /** How many seconds before that it was deleted. */
  readonly deletionGracePeriodSeconds?: number | undefined;
  /** Anything else. */
  readonly [field: string]: unknown;
}

/** A container as it is wanted. */
export interface PodContainer {
  /** Its name in the pod. */
  readonly name: string;
  /** Its image. */
  readonly image?: string | undefined;
  /** The program, in place of that of the image. */
  readonly command?: readonly string[] | undefined;
  /** The program's arguments. */
  readonly args?: readonly string[] | undefined;
  /** Variables of its environment. */
  readonly env?:
    | readonly { readonly name: string; readonly [field: string]: unknown }[]
    | undefined;
  /** What it takes. */
  readonly resources?:
    | {
      /** What is kept free for it. */
      readonly requests?: Readonly<Record<string, string | number>> | undefined;
      /** What it cannot exceed. */
      readonly limits?: Readonly<Record<string, string | number>> | undefined;
      /** Anything else. */
      readonly [field: string]: unknown;
    }
    | undefined;
  /** Anything else. */
  readonly [field: string]: unknown;
}

/** What a pod is to be. */
export interface PodSpec {
  /** What runs in it. */
  readonly containers: readonly PodContainer[];
  /** What runs before that. */
  readonly initContainers?: readonly PodContainer[] | undefined;
  /** Where it runs. */
  readonly nodeName?: string | undefined;
  /** Seconds after which it is ended. */
  readonly activeDeadlineSeconds?: number | undefined;
  /** Anything else. */
  readonly [field: string]: unknown;
}

/** A pod as a template describes it. */
export interface PodManifest {
  /** `v1`. */
  readonly apiVersion?: string | undefined;
  /** `Pod`. */
  readonly kind: string;
  /** Its labels and annotations. Those of datatask are added, and the name is always of datatask. */
  readonly metadata?: PodMetadata | undefined;
  /** What it is to be. */
  readonly spec: PodSpec;
  /** Anything else. */
  readonly [field: string]: unknown;
}

/** What has become of a container. */
export interface PodContainerStatus {
  /** Its name in the pod. */
  readonly name: string;
  /** What it does now. */
  readonly state?:
    | {
      /** Why it does not run yet. */
      readonly waiting?:
        | { readonly reason?: string | undefined; readonly message?: string | undefined }
        | undefined;
      /** Since when it runs. */
      readonly running?: { readonly startedAt?: PodTime | undefined } | undefined;
      /** How it ended. */
      readonly terminated?:
        | {
          readonly exitCode: number;
          readonly reason?: string | undefined;
          readonly message?: string | undefined;
          readonly startedAt?: PodTime | null | undefined;
          readonly finishedAt?: PodTime | undefined;
        }
        | undefined;
    }
    | undefined;
}

/** What has become of a pod. */
export interface PodStatus {
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  readonly phase?: string | undefined;
  /** Why, in a word. */
  readonly reason?: string | undefined;
  /** Why, in a sentence. */
  readonly message?: string | undefined;
  /** What is, or is not, true of it. */
  readonly conditions?:
    | readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string | undefined;
      readonly message?: string | undefined;
    }[]
    | undefined;
  /** Its containers, as soon as something is known of them. */
  readonly containerStatuses?: readonly PodContainerStatus[] | undefined;
  /** Those that run before. */
  readonly initContainerStatuses?: readonly PodContainerStatus[] | undefined;
}

/** A pod. */
export interface Pod {
  /** What it is known by. */
  readonly metadata?: PodMetadata | undefined;
  /** What it is to be. */
  readonly spec?: PodSpec | undefined;
  /** What has become of it. */
  readonly status?: PodStatus | undefined;
}

/** A page of a listing. */
export interface PodList {
  /** The pods. */
  readonly items: readonly Pod[];
  /** Where to go on. */
  readonly metadata?:
    | {
      /** What the next page begins with; nothing, if there is none. */
      readonly _continue?: string | undefined;
      /** Where a watch begins that misses nothing. */
      readonly resourceVersion?: string | undefined;
    }
    | undefined;
}

/** A change, as a watch tells it. */
export type PodChange =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; readonly object: Pod }
  | {
    readonly type: "ERROR";
    readonly object: { readonly code?: number | undefined; readonly message?: string | undefined };
  };

/** What has happened to a pod. */
export interface PodEvent {
  /** What it is, in a word. */
  readonly reason?: string | undefined;
  /** What it is, in a sentence. */
  readonly message?: string | undefined;
  /** When it was last seen. */
  readonly lastTimestamp?: PodTime | null | undefined;
  /** Likewise, by newer parts of a cluster. */
  readonly eventTime?: PodTime | null | undefined;
}

/**
 * A client of Kubernetes. `kubernetesClient` of `@datatask/datatask/kubernetes` makes one; the methods that do not stream
 * are those of the official client's `CoreV1Api`. Errors are told apart by `code`, which is the status of the answer, and
 * by `body`, which is the answer.
 */
export interface KubernetesClient {
  /** Makes a pod. With `dryRun: "All"`, it is only told whether it could be made. */
  createNamespacedPod(
    request: {
      readonly namespace: string;
      readonly body: PodManifest;
      readonly dryRun?: "All";
    },
  ): Promise<Pod>;
  /** Reads a pod. */
  readNamespacedPod(request: { readonly namespace: string; readonly name: string }): Promise<Pod>;
  /** Lists a page of pods. */
  listNamespacedPod(
    request: {
      readonly namespace: string;
      readonly labelSelector: string;
      readonly limit: number;
      readonly _continue?: string;
    },
  ): Promise<PodList>;
  /** Changes a pod: a JSON patch (RFC 6902). */
  patchNamespacedPod(
    request: {
      readonly namespace: string;
      readonly name: string;
      readonly body: readonly {
        readonly op: "add";
        readonly path: string;
        readonly value: string;
      }[];
    },
  ): Promise<Pod>;
  /** Deletes a pod. */
  deleteNamespacedPod(
    request: {
      readonly namespace: string;
      readonly name: string;
      readonly body: {
        readonly preconditions: { readonly uid: string };
        readonly propagationPolicy: "Background";
        readonly gracePeriodSeconds?: 0;
      };
    },
  ): Promise<unknown>;
  /** Lists what has happened to an object. */
  listNamespacedEvent(
    request: { readonly namespace: string; readonly fieldSelector: string; readonly limit: number },
  ): Promise<{ readonly items: readonly PodEvent[] }>;
  /** Tells of changes of pods, from a resource version on. Ends when the server, the connection or `signal` ends it. */
  watchNamespacedPod(
    request: {
      readonly namespace: string;
      readonly labelSelector: string;
      readonly resourceVersion: string;
      readonly allowWatchBookmarks: true;
      readonly timeoutSeconds: number;
    },
    signal: AbortSignal,
  ): AsyncIterable<PodChange>;
  /** What a container has written, and writes if `follow`. */
  streamNamespacedPodLog(
    request: {
      readonly namespace: string;
      readonly name: string;
      readonly container: string;
      readonly follow: boolean;
    },
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>>;
}
