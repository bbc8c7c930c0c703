"""A stock Prometheus and vmagent write to Hearth; that Prometheus answers the same queries alike."""

import json
import os
import tempfile
import time
import unittest
import urllib.request

import hearth

QUERIES = [
    "up",
    "count({job='prometheus'})",
    "sum by (job) (up)",
    "rate(prometheus_http_requests_total[20s])",
    "sum by (le) (prometheus_http_request_duration_seconds_bucket)",
    "histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[20s])))",
    "topk(3, go_memstats_alloc_bytes)",
    "go_goroutines - on (instance, job) go_threads",
    "max_over_time(go_goroutines[20s])",
    "label_replace(up, 'short', '$1', 'instance', '(.*):.*')",
    "absent(nonexistent)",
    "time() - process_start_time_seconds",
    "quantile_over_time(0.5, go_goroutines[20s])",
    "sort_desc(prometheus_tsdb_head_series)",
    "{__name__=~'go_gc.*', job='prometheus'}",
]


def workspace(url):
    request = urllib.request.Request(f"{url}/workspaces", data=json.dumps({"alias": "w"}).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return f"{url}/workspaces/{json.load(answer)['workspaceId']}"


def rounded(result):
    """Results without their order, numbers to nine digits."""
    plain = []
    for one in result["result"]:
        points = one.get("values") or [one["value"]]
        values = [(time_, f"{float(value):.9g}") for time_, value in points]
        plain.append((sorted(one["metric"].items()), values))
    return sorted(plain)


class Writers(unittest.TestCase):
    def prometheus(self, base, message):
        port, folder = hearth.free_port(), self.enterContext(tempfile.TemporaryDirectory())
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            ],
            "remote_write": [
                {
                    "url": f"{base}/api/v1/remote_write",
                    "protobuf_message": message,
                    "queue_config": {"batch_send_deadline": "200ms"},
                    "metadata_config": {"send_interval": "1s"},
                }
            ],
        }
        path = os.path.join(folder, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        command = [os.path.join(hearth.TOOLS, "prometheus"), f"--config.file={path}"]
        command += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
        self.enterContext(hearth.process(*command, "--log.level=warn"))
        return f"http://127.0.0.1:{port}"

    def check_prometheus(self, message):
        base = workspace(self.enterContext(hearth.store()))
        peer = self.prometheus(base, message)
        hearth.eventually("samples of 25 s", lambda: self.points(base, "up[40s]") >= 25, 90)
        # Both have all samples up to here: scrapes are a second apart and sent within half of one.
        end = int(time.time()) - 3
        for expr in QUERIES:
            with self.subTest(expr=expr):
                ours, theirs = (rounded(hearth.query(url, expr, time=end)) for url in (base, peer))
                self.assertEqual(ours, theirs)
                span = {"start": end - 15, "end": end, "step": 3}
                ours, theirs = (rounded(hearth.query(url, expr, **span)) for url in (base, peer))
                self.assertEqual(ours, theirs)
        return base

    def points(self, base, expr):
        result = hearth.query(base, expr)["result"]
        return len(result[0]["values"]) if result else 0

    def test_prometheus_remote_write_1(self):
        base = self.check_prometheus("prometheus.WriteRequest")
        # In 2.0 this Prometheus says "unknown" of every family, so only 1.0 can tell.
        metadata = hearth.get(f"{base}/api/v1/metadata?metric=go_goroutines")["data"]
        self.assertEqual(metadata["go_goroutines"][0]["type"], "gauge")

    def test_prometheus_remote_write_2(self):
        self.check_prometheus("io.prometheus.write.v2.Request")

    def test_vmagent(self):
        base = workspace(self.enterContext(hearth.store()))
        port, folder = hearth.free_port(), self.enterContext(tempfile.TemporaryDirectory())
        scrape = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [
                {"job_name": "vmagent", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
            ],
        }
        path = os.path.join(folder, "scrape.yml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(scrape, file)
        command = [os.path.join(hearth.TOOLS, "vmagent"), f"-promscrape.config={path}"]
        command += [f"-remoteWrite.url={base}/api/v1/write", f"-httpListenAddr=127.0.0.1:{port}"]
        command += [f"-remoteWrite.tmpDataPath={folder}/queue", "-remoteWrite.flushInterval=200ms"]
        command += ["-loggerLevel=WARN", "-remoteWrite.forcePromProto"]
        self.enterContext(hearth.process(*command))
        hearth.eventually("samples of vmagent", lambda: self.points(base, "up{job='vmagent'}[1m]") >= 5)
        series = hearth.query(base, "count({job='vmagent'})")["result"]
        self.assertGreater(float(series[0]["value"][1]), 100)


if __name__ == "__main__":
    unittest.main()
