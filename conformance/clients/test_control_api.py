"""boto3 and awscli against the control API."""

import json
import os
import subprocess
import unittest
import uuid

import boto3
import botocore.config
from botocore import UNSIGNED

import hearth

RULES = b"groups:\n- name: a\n  rules:\n  - record: b\n    expr: vector(1)\n"
ALERTS = b"""alertmanager_config: |
  route: {receiver: nobody}
  receivers: [{name: nobody}]
"""


def client(url, **config):
    return boto3.client(
        "amp",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=botocore.config.Config(retries={"max_attempts": 1}, **config),
    )


class Boto3(unittest.TestCase):
    def setUp(self):
        self.url = self.enterContext(hearth.store())
        self.amp = client(self.url)

    def workspace(self, **more):
        made = self.amp.create_workspace(alias="one", **more)
        self.amp.get_waiter("workspace_active").wait(workspaceId=made["workspaceId"])
        return made["workspaceId"]

    def test_workspaces(self):
        token = str(uuid.uuid4())
        first = self.amp.create_workspace(alias="one", tags={"team": "a"}, clientToken=token)
        again = self.amp.create_workspace(alias="one", tags={"team": "a"}, clientToken=token)
        self.assertEqual(first["workspaceId"], again["workspaceId"])
        identity = first["workspaceId"]
        self.amp.get_waiter("workspace_active").wait(workspaceId=identity)
        described = self.amp.describe_workspace(workspaceId=identity)["workspace"]
        self.assertEqual(described["alias"], "one")
        self.assertEqual(described["tags"], {"team": "a"})
        self.assertIn(identity, described["prometheusEndpoint"])
        self.assertGreater(described["createdAt"].year, 2020)
        self.amp.update_workspace_alias(workspaceId=identity, alias="two")
        listed = self.amp.list_workspaces(alias="tw")["workspaces"]
        self.assertEqual([one["workspaceId"] for one in listed], [identity])
        self.amp.delete_workspace(workspaceId=identity)
        self.amp.get_waiter("workspace_deleted").wait(workspaceId=identity)
        with self.assertRaises(self.amp.exceptions.ResourceNotFoundException):
            self.amp.describe_workspace(workspaceId=identity)

    def test_pages(self):
        made = {self.amp.create_workspace(alias=f"page-{n}")["workspaceId"] for n in range(7)}
        pages = self.amp.get_paginator("list_workspaces").paginate(PaginationConfig={"PageSize": 3})
        listed = [one["workspaceId"] for page in pages for one in page["workspaces"]]
        self.assertEqual(sorted(listed), sorted(made))

    def test_configuration(self):
        identity = self.workspace()
        before = self.amp.describe_workspace_configuration(workspaceId=identity)
        self.assertEqual(before["workspaceConfiguration"]["retentionPeriodInDays"], 150)
        limits = [{"labelSet": {"app": "a"}, "limits": {"maxSeries": 5}}]
        self.amp.update_workspace_configuration(
            workspaceId=identity, retentionPeriodInDays=7, limitsPerLabelSet=limits
        )
        after = self.amp.describe_workspace_configuration(workspaceId=identity)
        self.assertEqual(after["workspaceConfiguration"]["retentionPeriodInDays"], 7)
        self.assertEqual(after["workspaceConfiguration"]["limitsPerLabelSet"], limits)
        self.assertEqual(after["workspaceConfiguration"]["status"]["statusCode"], "ACTIVE")

    def test_rule_groups_namespaces(self):
        identity = self.workspace()
        made = self.amp.create_rule_groups_namespace(workspaceId=identity, name="a b", data=RULES)
        self.assertIn("rulegroupsnamespace", made["arn"])
        got = self.amp.describe_rule_groups_namespace(workspaceId=identity, name="a b")
        self.assertEqual(got["ruleGroupsNamespace"]["data"], RULES)
        with self.assertRaises(self.amp.exceptions.ConflictException):
            self.amp.create_rule_groups_namespace(workspaceId=identity, name="a b", data=RULES)
        self.amp.put_rule_groups_namespace(workspaceId=identity, name="a b", data=RULES + b"#\n")
        with self.assertRaises(self.amp.exceptions.ValidationException):
            bad = b"groups: [{name: x, rules: [{record: y, expr: 'sum('}]}]"
            self.amp.put_rule_groups_namespace(workspaceId=identity, name="a b", data=bad)
        listed = self.amp.list_rule_groups_namespaces(workspaceId=identity)
        self.assertEqual([one["name"] for one in listed["ruleGroupsNamespaces"]], ["a b"])
        self.amp.delete_rule_groups_namespace(workspaceId=identity, name="a b")
        with self.assertRaises(self.amp.exceptions.ResourceNotFoundException):
            self.amp.describe_rule_groups_namespace(workspaceId=identity, name="a b")

    def test_alert_manager_definition(self):
        identity = self.workspace()
        with self.assertRaises(self.amp.exceptions.ResourceNotFoundException):
            self.amp.describe_alert_manager_definition(workspaceId=identity)
        self.amp.create_alert_manager_definition(workspaceId=identity, data=ALERTS)
        got = self.amp.describe_alert_manager_definition(workspaceId=identity)
        self.assertEqual(got["alertManagerDefinition"]["data"], ALERTS)
        self.assertEqual(got["alertManagerDefinition"]["status"]["statusCode"], "ACTIVE")
        self.amp.put_alert_manager_definition(workspaceId=identity, data=ALERTS + b"#\n")
        with self.assertRaises(self.amp.exceptions.ValidationException):
            self.amp.put_alert_manager_definition(workspaceId=identity, data=b"nonsense: 1\n")
        self.amp.delete_alert_manager_definition(workspaceId=identity)

    def test_tags(self):
        made = self.amp.create_workspace(alias="tagged", tags={"a": "1"})
        self.amp.tag_resource(resourceArn=made["arn"], tags={"b": "2"})
        self.amp.untag_resource(resourceArn=made["arn"], tagKeys=["a"])
        self.assertEqual(self.amp.list_tags_for_resource(resourceArn=made["arn"])["tags"], {"b": "2"})
        with self.assertRaises(self.amp.exceptions.ValidationException):
            self.amp.tag_resource(resourceArn=made["arn"], tags={"hearth.dev/owner": "me"})

    def test_unsigned(self):
        unsigned = client(self.url, signature_version=UNSIGNED)
        self.assertEqual(unsigned.list_workspaces()["workspaces"], [])

    def test_what_is_not_there_says_so(self):
        identity = self.workspace()
        with self.assertRaises(self.amp.exceptions.ValidationException) as refused:
            self.amp.list_anomaly_detectors(workspaceId=identity)
        self.assertIn("not", str(refused.exception))


class AwsCli(unittest.TestCase):
    def test_a_walk(self):
        url = self.enterContext(hearth.store())

        def aws(*arguments):
            command = [os.path.join(hearth.TOOLS, "venv/bin/aws"), "amp", "--endpoint-url", url]
            command += ["--region", "us-east-1", "--output", "json", *arguments]
            env = {**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
            done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
            return json.loads(done.stdout) if done.stdout.strip() else None

        identity = aws("create-workspace", "--alias", "cli")["workspaceId"]
        aws("wait", "workspace-active", "--workspace-id", identity)
        described = aws("describe-workspace", "--workspace-id", identity)
        self.assertEqual(described["workspace"]["status"]["statusCode"], "ACTIVE")
        self.assertEqual(len(aws("list-workspaces")["workspaces"]), 1)
        aws("delete-workspace", "--workspace-id", identity)
        aws("wait", "workspace-deleted", "--workspace-id", identity)


if __name__ == "__main__":
    unittest.main()
