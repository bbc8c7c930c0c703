"""rule -> alert -> SNS (moto), read back from a subscribed queue."""

import base64
import json
import os
import unittest
import urllib.request

import boto3

import hearth

REGION = "us-east-1"


def aws(service, url):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def post(url, body):
    request = urllib.request.Request(url, data=json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class Sns(unittest.TestCase):
    def test_an_alert_reaches_a_queue(self):
        port = hearth.free_port()
        moto = f"http://127.0.0.1:{port}"
        server = [os.path.join(hearth.TOOLS, "venv/bin/moto_server"), "-H", "127.0.0.1"]
        self.enterContext(hearth.process(*server, "-p", str(port)))
        hearth.eventually("moto", lambda: urllib.request.urlopen(moto + "/moto-api/", timeout=5))
        topic = aws("sns", moto).create_topic(Name="alerts")["TopicArn"]
        sqs = aws("sqs", moto)
        queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = arn["Attributes"]["QueueArn"]
        aws("sns", moto).subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

        os.environ.update(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any")
        url = self.enterContext(hearth.store("--sns-endpoint", moto))
        base = f"{url}/workspaces/{post(f'{url}/workspaces', {'alias': 'sns'})['workspaceId']}"
        rules = "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: vector(1)}]}]"
        definition = f"""alertmanager_config: |
  route: {{receiver: sns, group_wait: 1s, group_interval: 1s}}
  receivers:
    - name: sns
      sns_configs:
        - topic_arn: {topic}
          subject: "alert {{{{ .CommonLabels.alertname }}}}"
          sigv4: {{region: {REGION}}}
"""
        encode = lambda text: base64.b64encode(text.encode()).decode()
        post(f"{base}/alertmanager/definition", {"data": encode(definition)})
        post(f"{base}/rulegroupsnamespaces", {"name": "r", "data": encode(rules)})

        def message():
            got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
            return got.get("Messages")

        envelope = json.loads(hearth.eventually("a message", message)[0]["Body"])
        self.assertEqual(envelope["Subject"], "alert Always")
        self.assertIn("Always", envelope["Message"])


if __name__ == "__main__":
    unittest.main()
