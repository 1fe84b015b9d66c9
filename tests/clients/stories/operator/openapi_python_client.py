"""openapi-python-client."""

import os

from payments.api.clients import create_client, rotate_client_secret
from payments.api.connections import connect_user, get_connection
from payments.api.holds import end_hold, list_holds, start_hold
from payments.api.service import list_audit
from payments.api.users import get_user
from payments.client import AuthenticatedClient
from payments.models import ConnectUser, ConnectUserCredentials, CreateClient, CreateClientMode, ErrorReply, OperatorRotate, StartHold

env = os.environ
client = AuthenticatedClient(base_url=env["BASE_URL"], token=env["OPERATOR_KEY"], timeout=30)

body = CreateClient(name="Front Desk Software", mode=CreateClientMode.TEST)
made = create_client.sync(client=client, body=body, idempotency_key=env["REFERENCE"]).data
print("client", made.client_id)
print("again", create_client.sync(client=client, body=body, idempotency_key=env["REFERENCE"]).data.client_id)
credentials = ConnectUserCredentials()
credentials["bearer_token"] = "any"
practice = ConnectUser(
    client_id=made.client_id,
    name="Elm Street Clinic",
    adapter="fhir-r5",
    base_url=env["EMR_URL"],
    time_zone="America/New_York",
    credentials=credentials,
)
user = connect_user.sync(client=client, body=practice).data
connection = get_connection.sync(user.user_id, client=client).data
last_sync = "null" if connection.last_sync is None else connection.last_sync
print("user", user.user_id, connection.health.state, last_sync)
rotated = rotate_client_secret.sync(made.client_id, client=client, body=OperatorRotate(overlap_seconds=60)).data
print("rotated", rotated.client_secret[:7])
start_hold.sync(client=client, body=StartHold(user_id=user.user_id, reason="moved"))
hold = list_holds.sync(client=client, user_id=user.user_id).data[0]
print("hold", hold.scope, hold.reason)
ended = end_hold.sync(user.user_id, client=client).data
print("ended", "none" if ended.other_holds == [] else "others")
print("audit", " ".join(entry.action for entry in list_audit.sync(client=client, limit=2).data))
refused = create_client.sync_detailed(client=client, body=CreateClient(name=""))
assert isinstance(refused.parsed, ErrorReply)
print("refused", refused.status_code.value, refused.parsed.code)
missing = get_user.sync_detailed("user_nobody", client=client)
assert isinstance(missing.parsed, ErrorReply)
print("missing", missing.status_code.value, missing.parsed.code)
