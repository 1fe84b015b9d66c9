// oapi-codegen.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	payments "example.com/story/payments"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	credentials := func(_ context.Context, request *http.Request) error {
		request.Header.Set("client_id", os.Getenv("CLIENT_ID"))
		request.Header.Set("client_secret", os.Getenv("CLIENT_SECRET"))
		request.Header.Set("access_token", os.Getenv("ACCESS_TOKEN"))
		return nil
	}
	client := must(payments.NewClientWithResponses(os.Getenv("BASE_URL"), payments.WithRequestEditorFn(credentials)))
	ctx := context.Background()
	reference := os.Getenv("REFERENCE")
	body := payments.CreatePayment{PatientMrn: "MRN-12345", PaymentMethod: "Card", ReferenceNumber: reference, Location: "1404", Amount: 350.1}

	posted := must(client.CreatePaymentWithResponse(ctx, &payments.CreatePaymentParams{IdempotencyKey: &reference}, body))
	id := *posted.JSON200.PaymentId
	fmt.Println("posted", id)
	read := must(client.GetPaymentWithResponse(ctx, id))
	fmt.Println("read", read.JSON200.Data.PaymentId, read.JSON200.Data.Amount)
	limit := 1
	listed := must(client.ListPaymentsWithResponse(ctx, &payments.ListPaymentsParams{ReferenceNumber: &reference, Limit: &limit}))
	fmt.Println("listed", listed.JSON200.Data[0].PaymentId)
	body.Amount = 350.123
	refused := must(client.CreatePaymentWithResponse(ctx, nil, body))
	fmt.Println("refused", refused.StatusCode(), refused.JSON400.Code)
	missing := must(client.GetPaymentWithResponse(ctx, strings.Repeat("0", 32)))
	fmt.Println("missing", missing.StatusCode(), missing.JSON404.Code)
	var event payments.PaymentCreatedEvent
	if err := json.Unmarshal([]byte(os.Getenv("EVENT")), &event); err != nil {
		panic(err)
	}
	fmt.Println("event", event.Type, event.Data.PaymentId)
}
