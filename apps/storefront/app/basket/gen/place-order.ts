/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type * as Schema from '../../gen/schema.ts';

import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
export type OrderItemInput = {
  productId: string;
  /** 1 to 999; lines of one product are summed into one. */
  quantity: number;
};

export type PlaceOrderInput = {
  /** Euros. If it is given and is not the total at current prices: `PRICE_CHANGED`, and nothing is ordered. */
  expectedTotal?: number | null | undefined;
  /** A key of the client's own, 1 to 255 printable ASCII characters. The same key again, within 24 hours, returns the same order. */
  idempotencyKey?: string | null | undefined;
  /** 1 to 100 lines. */
  items: Array<OrderItemInput>;
};

export type PlaceOrderMutationVariables = Exact<{
  input: Schema.PlaceOrderInput;
}>;


export type PlaceOrderMutation = { placeOrder: { id: string } };


export const PlaceOrderDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"PlaceOrder"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"PlaceOrderInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"placeOrder"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]} as unknown as DocumentNode<PlaceOrderMutation, PlaceOrderMutationVariables>;