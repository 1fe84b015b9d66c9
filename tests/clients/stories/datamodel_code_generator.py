"""Models of datamodel-code-generator; the requests are those of the standard library."""

import os
import urllib.error
import urllib.request

from payments import CreatePayment, CreatePaymentAnswer, ErrorReply, PaymentCreatedEvent, PaymentList, PaymentReply

env = os.environ
headers = {
    "client_id": env["CLIENT_ID"],
    "client_secret": env["CLIENT_SECRET"],
    "access_token": env["ACCESS_TOKEN"],
    "content-type": "application/json",
}


def send(path, body=None):
    data = None if body is None else body.model_dump_json(exclude_none=True).encode()
    request = urllib.request.Request(env["BASE_URL"] + path, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def payment(amount):
    return CreatePayment(
        patient_mrn="MRN-12345",
        payment_method="Card",
        reference_number=env["REFERENCE"],
        location="1404",
        amount=amount,
    )


posted = CreatePaymentAnswer.model_validate_json(send("/v1/payments", payment(350.1))[1])
print("posted", posted.payment_id)
read = PaymentReply.model_validate_json(send(f"/v1/payments/{posted.payment_id}")[1]).data
print("read", read.payment_id, read.amount)
page = PaymentList.model_validate_json(send(f"/v1/payments?reference_number={env['REFERENCE']}&limit=1")[1])
print("listed", page.data[0].payment_id)
status, body = send("/v1/payments", payment(350.123))
print("refused", status, ErrorReply.model_validate_json(body).code)
status, body = send(f"/v1/payments/{'0' * 32}")
print("missing", status, ErrorReply.model_validate_json(body).code)
event = PaymentCreatedEvent.model_validate_json(env["EVENT"])
print("event", event.type.value, event.data.payment_id)
