// openapi-generator, go.
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

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func refusal(response *http.Response, err error) string {
	var failure *payments.GenericOpenAPIError
	if failed, ok := err.(*payments.GenericOpenAPIError); ok {
		failure = failed
	} else {
		panic(err)
	}
	reply := failure.Model().(payments.ErrorReply)
	return fmt.Sprint(response.StatusCode, " ", reply.Code)
}

func main() {
	configuration := payments.NewConfiguration()
	configuration.Servers = payments.ServerConfigurations{{URL: os.Getenv("BASE_URL")}}
	client := payments.NewAPIClient(configuration)
	ctx := context.WithValue(context.Background(), payments.ContextAPIKeys, map[string]payments.APIKey{
		"client_id":     {Key: os.Getenv("CLIENT_ID")},
		"client_secret": {Key: os.Getenv("CLIENT_SECRET")},
		"access_token":  {Key: os.Getenv("ACCESS_TOKEN")},
	})
	reference := os.Getenv("REFERENCE")
	body := payments.NewCreatePayment("MRN-12345", "Card", reference, "1404", 350.1)

	posted, _, err := client.PaymentsAPI.CreatePayment(ctx).CreatePayment(*body).IdempotencyKey(reference).Execute()
	check(err)
	fmt.Println("posted", posted.GetPaymentId())
	read, _, err := client.PaymentsAPI.GetPayment(ctx, posted.GetPaymentId()).Execute()
	check(err)
	fmt.Println("read", read.Data.PaymentId, read.Data.Amount)
	listed, _, err := client.PaymentsAPI.ListPayments(ctx).ReferenceNumber(reference).Limit(1).Execute()
	check(err)
	fmt.Println("listed", listed.Data[0].PaymentId)
	body.Amount = 350.123
	_, response, err := client.PaymentsAPI.CreatePayment(ctx).CreatePayment(*body).Execute()
	fmt.Println("refused", refusal(response, err))
	_, response, err = client.PaymentsAPI.GetPayment(ctx, strings.Repeat("0", 32)).Execute()
	fmt.Println("missing", refusal(response, err))
	var event payments.PaymentCreatedEvent
	check(json.Unmarshal([]byte(os.Getenv("EVENT")), &event))
	fmt.Println("event", event.Type, event.Data.PaymentId)
}
