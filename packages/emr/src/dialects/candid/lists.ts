import type { EmrLists } from '../../lists.ts';

/**
 * The payment methods of Candid, which are the same for every organization (`PaymentMethodCreate`), with the names that people give
 * them. A check and a money order demand their number: that is the payment's reference number. A payment has no place for a location.
 */
export const LISTS: EmrLists = {
  methods: [
    { id: 'card', name: 'Card' },
    { id: 'cash', name: 'Cash' },
    { id: 'check', name: 'Check' },
    { id: 'money_order', name: 'Money Order' },
    { id: 'card', name: 'Credit Card' },
    { id: 'card', name: 'Debit Card' },
  ],
  locations: [],
  anyLocation: true,
};
