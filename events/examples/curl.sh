#!/bin/sh
# One message over HTTP with curl alone. YOAKE_HTTP is the ward's door, YOAKE_TOKEN the provider's token.
# 200 and 201: here is the receipt. 202: safely queued. Anything else: keep the file, and send it again.
set -eu
curl --silent --show-error --fail-with-body "$YOAKE_HTTP/v1/messages" \
  --header "Authorization: Bearer $YOAKE_TOKEN" \
  --header "Content-Type: application/cloudevents+json" \
  --data-binary "@$1"
