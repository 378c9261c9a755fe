"""Runs pipelines that are described as data (see scenario.ts) with the original, pydatatask 0.4.7.

A pipeline a line comes in on standard input, and what is seen after each of its steps goes out as one line on standard
output. What is repaired or put on top of the original here is listed, with its reason, in pydatatask_test.ts; each place
names the entry.
"""

import asyncio
import contextlib
import io
import json
import logging
import sys
import traceback
from pathlib import Path

import pydatatask as pdt
import pydatatask.task

RUN_LIMIT = 60
"""Updates after which a run that does not end is given up."""


class Metadata(pdt.InProcessMetadataRepository):
    async def delete(self, job):
        self.data.pop(job, None)


class Blobs(pdt.InProcessBlobRepository):
    async def delete(self, job):
        self.data.pop(job, None)

    @pdt.repository.job_getter
    async def open(self, job, mode="r"):
        if mode == "wb":
            self.data.pop(job, None)
        return await super().open(job, mode)


class Related(pdt.RelatedItemRepository):
    instances = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.instances.append(self)

    @classmethod
    def forget_translations(cls):
        for related in cls.instances:
            related.prefetch_lookup = None


pydatatask.task.RelatedItemRepository = Related


async def same(info):
    return info


async def wrap(info):
    return [info]


class Scenario:
    def __init__(self, description):
        self.jobs = description["jobs"]
        self.steps = description["steps"]
        self.folder = Path(description["folder"])
        self.repos = {}
        self.stores = {}
        self.translators = {}
        for spec in description["stores"]:
            self.repos[spec["name"]] = self.stores[spec["name"]] = self.store(spec)
        for spec in description["views"]:
            self.repos[spec["name"]] = self.view(spec)
        self.tasks = {}
        for spec in description["tasks"]:
            self.tasks[spec["name"]] = self.task(spec)
        self.pipeline = pdt.Pipeline(self.tasks.values(), pdt.Session(), [])
        self.edges = edges_between(list(self.tasks.values()))
        self.gather = self.pipeline.gather_ready_jobs
        self.pipeline.gather_ready_jobs = self.gather_unless_awaited
        self.described = description

    def store(self, spec):
        kind, data = spec["kind"], spec["data"]
        if kind == "metadata":
            return Metadata(dict(data))
        if kind == "blob":
            return Blobs({job: value.encode() for job, value in data.items()})
        folder = self.folder / spec["name"]
        folder.mkdir(parents=True)
        repo = (
            pdt.FileRepository(folder, ".txt")
            if kind == "file"
            else pdt.YamlMetadataFileRepository(folder)
        )
        for job, value in data.items():
            text = json.dumps(value) if kind == "yaml" else value
            (folder / (job + repo.extension)).write_text(text, encoding="utf-8")
        return repo

    def view(self, spec):
        kind = spec["kind"]
        if kind in ("and", "or"):
            aggregate = pdt.AggregateAndRepository if kind == "and" else pdt.AggregateOrRepository
            return aggregate(**{f"c{i}": self.repos[name] for i, name in enumerate(spec["children"])})
        if kind == "blocking":
            return pdt.BlockingRepository(self.repos[spec["source"]], self.repos[spec["unless"]])
        if kind == "map":
            keep = spec["keep"]

            async def filt(job):
                return job in keep

            func = wrap if spec["wraps"] else same
            return self.repos[spec["base"]].map(func, None if keep is None else filt, spec["allowDeletes"])
        return Related(
            self.repos[spec["base"]],
            self.repos[spec["translator"]],
            allow_deletes=spec["allowDeletes"],
            prefetch_lookup=spec["prefetchLookup"],
        )

    def task(self, spec):
        ready = spec["ready"] and self.repos[spec["ready"]]
        task = pdt.InProcessSyncTask(spec["name"], self.repos[spec["done"]], ready=ready)
        task.disabled = spec["disabled"]
        for link in spec["links"]:
            flags = {snake(flag): value for flag, value in link["flags"].items()}
            task.link(link["name"], self.repos[link["repo"]], **flags)
        for plug in spec["plugs"]:
            task.plug(
                self.tasks[plug["task"]],
                output_links=plug["outputLinks"],
                meta=plug["meta"],
                translator=plug["translator"] and self.repos[plug["translator"]],
                translate_allow_deletes=plug["allowDeletes"],
                translate_prefetch_lookup=plug["prefetchLookup"],
            )

        async def func(job):
            for action in spec["actions"]:
                await self.act(spec["name"], job, action)

        return task(func)

    async def act(self, task, job, action):
        what = action["do"]
        if what == "fail":
            if job in action["jobs"]:
                raise ValueError(job)
        elif what == "write":
            at = job if action["at"] is None else action["at"]
            value = f"{task}:{job}" if action["value"] is None else action["value"]
            await write(self.repos[action["repo"]], at, value)
        elif what == "copy":
            value = await read(self.repos[action["repo"]], job)
            await write(self.repos[action["to"]], job, value + "!")
        else:
            repo = self.repos[action["repo"]]
            if await repo.contains(job):
                await repo.delete(job)

    async def gather_unless_awaited(self, task):
        """The jobs that the original finds ready, less those that have to wait for another task (see "edges")."""
        ready = await self.gather(task)
        for upstream, downstream, translators in self.edges:
            if downstream is not task or not ready:
                continue
            awaited = await self.gather(upstream)
            for job in list(ready):
                source = job
                for translator in translators:
                    source = source and await translator._lookup(source)
                if source in awaited:
                    ready.discard(job)
        return ready

    async def update(self):
        Related.forget_translations()
        return await self.pipeline.update()

    async def step(self, step):
        what = step["do"]
        if what == "update":
            return await self.update()
        if what == "run":
            for _ in range(RUN_LIMIT):
                if not await self.update():
                    return None
            raise RuntimeError("the run does not end")
        if what == "put":
            await write(self.stores[step["repo"]], step["job"], step["value"])
        elif what == "delete":
            await self.repos[step["repo"]].delete(step["job"])
        elif what == "launch":
            task, job, force = self.tasks[step["task"]], step["job"], step["force"]
            if not force and job in await self.gather(task) - await self.gather_unless_awaited(task):
                return False
            return await pdt.launch(self.pipeline, task.name, job, False, True, force) is None
        elif what == "rm":
            text = await captured(pdt.delete_data, self.pipeline, step["data"], step["recursive"], step["jobs"])
            return sorted(line.split(" ")[0] for line in text.splitlines()) if step["counted"] else None
        return None

    async def seen(self, result):
        Related.forget_translations()
        repos = {}
        for name, repo in self.repos.items():
            repos[name] = {
                "keys": sorted([job async for job in repo]),
                "contains": [job for job in self.jobs if await repo.contains(job)],
            }
        for name in self.described["informative"]:
            repos[name]["infos"] = await self.repos[name].info_all()
        for name in self.described["comparable"]:
            keys = repos[name]["keys"]
            repos[name]["values"] = {job: verdict(await read(self.stores[name], job)) for job in keys}
        traced = [*self.jobs, "foo"]
        return {
            "result": result,
            "ready": {
                name: sorted(await self.pipeline.gather_ready_jobs(task)) for name, task in self.tasks.items()
            },
            "repos": repos,
            "status": [await captured(pdt.print_status, self.pipeline, every) for every in (False, True)],
            "trace": [await captured(pdt.print_trace, self.pipeline, every, traced) for every in (False, True)],
        }

    async def run(self):
        async with self.pipeline:
            seen = [await self.seen(None)]
            for step in self.steps:
                Related.forget_translations()
                seen.append(await self.seen(await self.step(step)))
        return seen


def snake(name):
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


async def read(repo, job):
    if not await repo.contains(job):
        raise LookupError(job)
    if hasattr(repo, "dump"):
        return await repo.info(job)
    async with await repo.open(job, "rb") as stream:
        return (await stream.read()).decode()


async def write(repo, job, value):
    if hasattr(repo, "dump"):
        await repo.dump(job, value)
        return
    async with await repo.open(job, "wb") as stream:
        await stream.write(value.encode())


def verdict(value):
    """Of a record, only whether the job succeeded (see "records")."""
    if isinstance(value, dict):
        return {"success": "succeeded", "exception": "failed"}[value["result"]]
    return value


async def captured(function, *args):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        await function(*args)
    return text.getvalue()


def traces(repo):
    """The stores that make a key appear in a repository, each with the translations from here to there."""
    if isinstance(repo, (pdt.AggregateAndRepository, pdt.AggregateOrRepository)):
        return [trace for child in repo.children.values() for trace in traces(child)]
    if isinstance(repo, pdt.BlockingRepository):
        return traces(repo.source)
    if isinstance(repo, pdt.repository.MapRepository):
        return traces(repo.base)
    if isinstance(repo, Related):
        beneath = [(store, [repo, *path]) for store, path in traces(repo.base_repository)]
        return beneath + traces(repo.translator_repository)
    return [(repo, [])]


def edges_between(tasks):
    """Which task works on the output of which, and under which translations; cycles hold nothing (see "edges")."""
    edges = []
    for upstream in tasks:
        written = [store for repo in upstream.output.values() for store, _ in traces(repo)]
        for downstream in tasks:
            if upstream is not downstream and downstream._ready is None:
                edges += [
                    (upstream, downstream, path)
                    for repo in downstream.required_for_start.values()
                    for store, path in traces(repo)
                    if any(store is other for other in written)
                ]

    def reaches(start, goal):
        seen, left = set(), [start]
        while left:
            task = left.pop()
            if task is goal:
                return True
            if task not in seen:
                seen.add(task)
                left += [downstream for upstream, downstream, _ in edges if upstream is task]
        return False

    return [edge for edge in edges if not reaches(edge[1], edge[0])]


def main():
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        Related.instances.clear()
        try:
            answer = {"seen": asyncio.run(Scenario(json.loads(line)).run())}
        except Exception:  # for the test to show
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
