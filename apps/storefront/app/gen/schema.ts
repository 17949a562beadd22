export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A moment, as ISO 8601 in UTC with milliseconds: `2026-11-24T08:30:00.000Z`. */
  DateTime: { input: string; output: string; }
};

export type Category = {
  __typename?: 'Category';
  name: Scalars['String']['output'];
  productCount: Scalars['Int']['output'];
};

export type ChangePasswordInput = {
  currentPassword: Scalars['String']['input'];
  /** 8 to 128 characters of any kind; not a commonly used password, and not your name or address. */
  newPassword: Scalars['String']['input'];
};

/** The orders that were placed on one day. */
export type DayStatistics = {
  __typename?: 'DayStatistics';
  /** How many orders of that day are cancelled now. */
  cancelled: Scalars['Int']['output'];
  /** ISO 8601: `2026-11-24`. */
  date: Scalars['String']['output'];
  /** Without those that are cancelled now. */
  orders: Scalars['Int']['output'];
  /** Euros: the sum of their totals, exact to the cent. */
  turnover: Scalars['Float']['output'];
};

/** A message that a consumer could not process, as it is on the dead-letter queue. Visible to admins. */
export type DeadLetter = {
  __typename?: 'DeadLetter';
  /** The encoding of value; null when value is null. */
  encoding?: Maybe<ValueEncoding>;
  /** The original headers. */
  headers: Array<MessageHeader>;
  /** Its partition and offset on the dead-letter queue. */
  id: Scalars['ID']['output'];
  key?: Maybe<Scalars['String']['output']>;
  origin: DeadLetterOrigin;
  parkedAt: Scalars['DateTime']['output'];
  /** Why it could not be processed. */
  reason: Scalars['String']['output'];
  /** When it was last redriven. */
  redrivenAt?: Maybe<Scalars['DateTime']['output']>;
  /** How often it was redriven. */
  redrives: Scalars['Int']['output'];
  /** The length of its value in bytes; null when it has none. */
  size?: Maybe<Scalars['Int']['output']>;
  /** The original value; null when there was none, or when it was too large to be stored. */
  value?: Maybe<Scalars['String']['output']>;
};

export type DeadLetterConnection = {
  __typename?: 'DeadLetterConnection';
  edges: Array<DeadLetterEdge>;
  nodes: Array<DeadLetter>;
  pageInfo: PageInfo;
  /** Exact up to 10,000. Beyond that it is 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type DeadLetterEdge = {
  __typename?: 'DeadLetterEdge';
  cursor: Scalars['String']['output'];
  node: DeadLetter;
};

/** The position of a dead letter on its original topic, and the consumer group that could not process it. */
export type DeadLetterOrigin = {
  __typename?: 'DeadLetterOrigin';
  group?: Maybe<Scalars['String']['output']>;
  offset?: Maybe<Scalars['String']['output']>;
  partition?: Maybe<Scalars['Int']['output']>;
  topic: Scalars['String']['output'];
};

export type Locale =
  | 'EN'
  | 'FR';

export type LoginInput = {
  email: Scalars['String']['input'];
  password: Scalars['String']['input'];
};

export type MessageHeader = {
  __typename?: 'MessageHeader';
  name: Scalars['String']['output'];
  value: Scalars['String']['output'];
};

export type Mutation = {
  __typename?: 'Mutation';
  /** For admins. Adds `delta` to the stock, and stores it with its `reason`. */
  adjustStock: Product;
  /** Cancels an order: for its customer while it is Reçue or Confirmée, for admins also when it is Préparée. */
  cancelOrder: Order;
  /**
   * Changes the address by the link in the e-mail to the new one, and ends the other sessions. `EMAIL_TAKEN` when it has another
   * account.
   */
  changeEmail: Scalars['Boolean']['output'];
  /** Changes the status of an order, for admins. `INVALID_TRANSITION` if the status cannot follow the current one. */
  changeOrderStatus: Order;
  /** Changes the password, and ends the user's other sessions. `INVALID_CREDENTIALS` when the current password is wrong. */
  changePassword: Scalars['Boolean']['output'];
  /** For admins. */
  createProduct: Product;
  /** Deletes the user's account and their personal data in all services. `INVALID_CREDENTIALS` when the password is wrong. */
  deleteAccount: Scalars['Boolean']['output'];
  /** For admins. Archives the product and returns its id. */
  deleteProduct: Scalars['ID']['output'];
  /** Ends all sessions of the user, this one included, or for admins those of another user. */
  endAllSessions: Scalars['Boolean']['output'];
  /** Ends a session of the user, or for admins any session. `NOT_FOUND` when it has ended. */
  endSession: Scalars['Boolean']['output'];
  /** Signs in. `INVALID_CREDENTIALS` for an unknown address as for a wrong password. */
  login: Session;
  /** Ends the session of the refresh token. True whether or not it was still open. */
  logout: Scalars['Boolean']['output'];
  /** Places an order at current prices: all of it or nothing (`PRODUCT_UNAVAILABLE`, `INSUFFICIENT_STOCK`). */
  placeOrder: Order;
  /** For admins. Publishes the original message to its topic again. If it still cannot be processed, it becomes another dead letter. */
  redriveDeadLetter: DeadLetter;
  /**
   * Exchanges a refresh token for new tokens of its session. `UNAUTHENTICATED` when the token is unknown or used, or the session has
   * ended.
   */
  refreshSession: Session;
  /** Creates an account and signs in. `EMAIL_TAKEN` when the address already has an account, regardless of case. */
  register: Session;
  /**
   * Requests an e-mail with a link to a new address. `INVALID_CREDENTIALS` when the password is wrong. The response is the same
   * whether or not the address has an account.
   */
  requestEmailChange: Scalars['Boolean']['output'];
  /** Requests an e-mail with a link that verifies the user's address. */
  requestEmailVerification: Scalars['Boolean']['output'];
  /** Requests an e-mail with a link to reset the password. The response is the same whether or not the address has an account. */
  requestPasswordReset: Scalars['Boolean']['output'];
  /** For admins. Sends the e-mail again. */
  resendNotification: Notification;
  /** Sets a new password by the link in the e-mail, and ends all sessions. */
  resetPassword: Scalars['Boolean']['output'];
  /** For admins. Puts an archived product on sale again. */
  restoreProduct: Product;
  /**
   * Deactivates the account of another user, which ends their sessions, or reactivates it. For admins. Their access tokens are
   * revoked within 5 s.
   */
  setUserActive: User;
  /** Changes the role of another user. For admins. Their access tokens are revoked within 5 s. */
  setUserRole: User;
  /**
   * For admins. Replaces the product: omitted optional fields become null, except `stock`. `STALE` when the product has
   * another revision than `expectedRevision`.
   */
  updateProduct: Product;
  /** Replaces the user's own name and language. A change revokes their access tokens within 5 s: refresh the session after it. */
  updateProfile: User;
  /** Verifies an address by the link in the e-mail. */
  verifyEmail: Scalars['Boolean']['output'];
};


export type MutationAdjustStockArgs = {
  delta: Scalars['Int']['input'];
  id: Scalars['ID']['input'];
  reason: Scalars['String']['input'];
};


export type MutationCancelOrderArgs = {
  id: Scalars['ID']['input'];
};


export type MutationChangeEmailArgs = {
  token: Scalars['String']['input'];
};


export type MutationChangeOrderStatusArgs = {
  id: Scalars['ID']['input'];
  status: OrderStatus;
};


export type MutationChangePasswordArgs = {
  input: ChangePasswordInput;
};


export type MutationCreateProductArgs = {
  input: ProductInput;
};


export type MutationDeleteAccountArgs = {
  password: Scalars['String']['input'];
};


export type MutationDeleteProductArgs = {
  id: Scalars['ID']['input'];
};


export type MutationEndAllSessionsArgs = {
  userId?: InputMaybe<Scalars['ID']['input']>;
};


export type MutationEndSessionArgs = {
  id: Scalars['ID']['input'];
};


export type MutationLoginArgs = {
  input: LoginInput;
};


export type MutationLogoutArgs = {
  refreshToken: Scalars['String']['input'];
};


export type MutationPlaceOrderArgs = {
  input: PlaceOrderInput;
};


export type MutationRedriveDeadLetterArgs = {
  id: Scalars['ID']['input'];
};


export type MutationRefreshSessionArgs = {
  refreshToken: Scalars['String']['input'];
};


export type MutationRegisterArgs = {
  input: RegisterInput;
};


export type MutationRequestEmailChangeArgs = {
  email: Scalars['String']['input'];
  password: Scalars['String']['input'];
};


export type MutationRequestPasswordResetArgs = {
  email: Scalars['String']['input'];
};


export type MutationResendNotificationArgs = {
  id: Scalars['ID']['input'];
};


export type MutationResetPasswordArgs = {
  newPassword: Scalars['String']['input'];
  token: Scalars['String']['input'];
};


export type MutationRestoreProductArgs = {
  id: Scalars['ID']['input'];
};


export type MutationSetUserActiveArgs = {
  active: Scalars['Boolean']['input'];
  id: Scalars['ID']['input'];
};


export type MutationSetUserRoleArgs = {
  id: Scalars['ID']['input'];
  role: Role;
};


export type MutationUpdateProductArgs = {
  expectedRevision?: InputMaybe<Scalars['Int']['input']>;
  id: Scalars['ID']['input'];
  input: ProductInput;
};


export type MutationUpdateProfileArgs = {
  input: UpdateProfileInput;
};


export type MutationVerifyEmailArgs = {
  token: Scalars['String']['input'];
};

/** An e-mail to a user about one of their orders or about their account. Visible to that user and to admins. */
export type Notification = {
  __typename?: 'Notification';
  /** The number of delivery attempts. */
  attempts: Scalars['Int']['output'];
  createdAt: Scalars['DateTime']['output'];
  id: Scalars['ID']['output'];
  /** Why the last attempt failed, for admins; null for others, and when it did not fail. */
  lastError?: Maybe<Scalars['String']['output']>;
  /** The order that it is about; null for a notification about an account. */
  order?: Maybe<Order>;
  /** The recipient's e-mail address; empty once their account is deleted. */
  recipient: Scalars['String']['output'];
  sentAt?: Maybe<Scalars['DateTime']['output']>;
  status: NotificationStatus;
  subject: Scalars['String']['output'];
};

export type NotificationConnection = {
  __typename?: 'NotificationConnection';
  edges: Array<NotificationEdge>;
  nodes: Array<Notification>;
  pageInfo: PageInfo;
  /** Exact up to 10,000. Beyond that it is 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type NotificationEdge = {
  __typename?: 'NotificationEdge';
  cursor: Scalars['String']['output'];
  node: Notification;
};

export type NotificationStatus =
  | 'FAILED'
  | 'PENDING'
  | 'SENT';

/** A session that has not ended. */
export type OpenSession = {
  __typename?: 'OpenSession';
  /** The User-Agent of the browser or app. */
  agent?: Maybe<Scalars['String']['output']>;
  createdAt: Scalars['DateTime']['output'];
  /** Whether it is the session of the access token of this request. */
  current: Scalars['Boolean']['output'];
  expiresAt: Scalars['DateTime']['output'];
  id: Scalars['ID']['output'];
  refreshedAt: Scalars['DateTime']['output'];
  userId: Scalars['ID']['output'];
};

export type OpenSessionConnection = {
  __typename?: 'OpenSessionConnection';
  edges: Array<OpenSessionEdge>;
  nodes: Array<OpenSession>;
  pageInfo: PageInfo;
  /** Exact up to 10,000; beyond it 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type OpenSessionEdge = {
  __typename?: 'OpenSessionEdge';
  cursor: Scalars['String']['output'];
  node: OpenSession;
};

/** What a customer bought. For that customer and for admins. */
export type Order = {
  __typename?: 'Order';
  createdAt: Scalars['DateTime']['output'];
  customer?: Maybe<User>;
  id: Scalars['ID']['output'];
  items: Array<OrderItem>;
  /** The notifications about this order, oldest first. */
  notifications?: Maybe<Array<Notification>>;
  /** The order number for people: decimal, unique. */
  number: Scalars['String']['output'];
  status: OrderStatus;
  /** Every status that the order has had, oldest first. */
  statusHistory: Array<StatusChange>;
  /** Euros: the sum of the lines, exact to the cent. */
  total: Scalars['Float']['output'];
  userId: Scalars['ID']['output'];
};

export type OrderConnection = {
  __typename?: 'OrderConnection';
  edges: Array<OrderEdge>;
  nodes: Array<Order>;
  pageInfo: PageInfo;
  /** Exact up to 10,000; beyond it 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type OrderEdge = {
  __typename?: 'OrderEdge';
  cursor: Scalars['String']['output'];
  node: Order;
};

export type OrderItem = {
  __typename?: 'OrderItem';
  /** The product's name when it was ordered. */
  name: Scalars['String']['output'];
  /** Euros for one, when it was ordered. */
  price: Scalars['Float']['output'];
  product?: Maybe<Product>;
  productId: Scalars['ID']['output'];
  quantity: Scalars['Int']['output'];
};

export type OrderItemInput = {
  productId: Scalars['ID']['input'];
  /** 1 to 999; lines of one product are summed into one. */
  quantity: Scalars['Int']['input'];
};

/** What the staff sees first, up to 10 seconds old. */
export type OrderStatistics = {
  __typename?: 'OrderStatistics';
  at: Scalars['DateTime']['output'];
  /** The last 7 days, oldest first; the last one is today. */
  days: Array<DayStatistics>;
  oldestUnpublishedAt?: Maybe<Scalars['DateTime']['output']>;
  statuses: Array<StatusStatistics>;
  /** The IANA time zone in which the days begin. */
  timeZone: Scalars['String']['output'];
  /** Events that Kafka has not acknowledged, of up to 10,000 orders. */
  unpublishedEvents: Scalars['Int']['output'];
};

/** The status of an order: Reçue (received), Confirmée (confirmed), Préparée (prepared), Livrée (delivered), or Annulée (cancelled). */
export type OrderStatus =
  | 'ANNULEE'
  | 'CONFIRMEE'
  | 'LIVREE'
  | 'PREPAREE'
  | 'RECUE';

export type Outcome =
  | 'DONE'
  | 'REFUSED';

/** Where a page ends, and whether another follows. */
export type PageInfo = {
  __typename?: 'PageInfo';
  /** Opaque; give it as `after` to get the next page, with the same filter and sort. */
  endCursor?: Maybe<Scalars['String']['output']>;
  hasNextPage: Scalars['Boolean']['output'];
};

export type PlaceOrderInput = {
  /** Euros. If it is given and is not the total at current prices: `PRICE_CHANGED`, and nothing is ordered. */
  expectedTotal?: InputMaybe<Scalars['Float']['input']>;
  /** A key of the client's own, 1 to 255 printable ASCII characters. The same key again, within 24 hours, returns the same order. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** 1 to 100 lines. */
  items: Array<OrderItemInput>;
};

/** A product of the catalogue, on sale or archived. */
export type Product = {
  __typename?: 'Product';
  /** No longer sold: lists omit it, past orders still show it. */
  archived: Scalars['Boolean']['output'];
  category: Scalars['String']['output'];
  createdAt: Scalars['DateTime']['output'];
  description?: Maybe<Scalars['String']['output']>;
  id: Scalars['ID']['output'];
  /** An https: URL, or an absolute path on this host. */
  image?: Maybe<Scalars['String']['output']>;
  name: Scalars['String']['output'];
  /** Euros, with at most two decimals. */
  price: Scalars['Float']['output'];
  /** Incremented by each change of content, not by sales. */
  revision: Scalars['Int']['output'];
  /** What can be sold now. */
  stock: Scalars['Int']['output'];
  /** The changes of the stock, newest first. For admins. */
  stockMovements?: Maybe<StockMovementConnection>;
  updatedAt: Scalars['DateTime']['output'];
};


/** A product of the catalogue, on sale or archived. */
export type ProductStockMovementsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

export type ProductConnection = {
  __typename?: 'ProductConnection';
  edges: Array<ProductEdge>;
  nodes: Array<Product>;
  pageInfo: PageInfo;
  /** Exact up to 10,000; beyond it 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type ProductEdge = {
  __typename?: 'ProductEdge';
  cursor: Scalars['String']['output'];
  node: Product;
};

export type ProductFilter = {
  /** true: the archived products instead of those on sale. For admins. */
  archived?: InputMaybe<Scalars['Boolean']['input']>;
  category?: InputMaybe<Scalars['String']['input']>;
  /** true: in stock only; false: sold out only. */
  inStock?: InputMaybe<Scalars['Boolean']['input']>;
  maxPrice?: InputMaybe<Scalars['Float']['input']>;
  /** At most so many in stock. */
  maxStock?: InputMaybe<Scalars['Int']['input']>;
  minPrice?: InputMaybe<Scalars['Float']['input']>;
  /** Words, matched by prefix, without regard to accents and case. */
  q?: InputMaybe<Scalars['String']['input']>;
};

export type ProductInput = {
  category: Scalars['String']['input'];
  description?: InputMaybe<Scalars['String']['input']>;
  image?: InputMaybe<Scalars['String']['input']>;
  name: Scalars['String']['input'];
  /** 0 to 999999.99 euros, with at most two decimals. */
  price: Scalars['Float']['input'];
  /** 0 to 1000000. In an update: omitted, the stock stays; given, the difference is stored as an adjustment. */
  stock?: InputMaybe<Scalars['Int']['input']>;
};

export type ProductSort =
  | 'NAME'
  | 'NEWEST'
  | 'PRICE_ASC'
  | 'PRICE_DESC'
  | 'RELEVANCE';

export type Query = {
  __typename?: 'Query';
  /** The categories that have products on sale, in alphabetical order. */
  categories: Array<Category>;
  /** For admins. One dead letter. */
  deadLetter?: Maybe<DeadLetter>;
  /** For admins. Dead letters, newest first; `redriven` limits them to those that were, or were not, redriven. */
  deadLetters: DeadLetterConnection;
  /** The user of the access token. `UNAUTHENTICATED` without one. */
  me?: Maybe<User>;
  /** One's own notifications, or everyone's for an admin, that match every argument, newest first. */
  notifications: NotificationConnection;
  /** One of the caller's own orders, or any order for an admin; null and `NOT_FOUND` otherwise. */
  order?: Maybe<Order>;
  /** Orders and turnover of the last 7 days, orders by status, and what is overdue or unpublished, for admins. */
  orderStatistics: OrderStatistics;
  /** All orders that fit every argument, newest first, for admins. */
  orders: OrderConnection;
  /** A product on sale; null and `NOT_FOUND` for any other id. Admins get an archived one too by `includeArchived`. */
  product?: Maybe<Product>;
  /** The products on sale, or the archived ones by the filter. The default sort is RELEVANCE when the filter has a `q`, else NEWEST. */
  products: ProductConnection;
  /** Products by id, at most 100, in the order of the ids: null for an unknown id. An archived product is not null, but `archived`. */
  productsByIds: Array<Maybe<Product>>;
  /** The events about all accounts or one user's, newest first. For admins. */
  securityLog: SecurityEventConnection;
  /** A user, for themselves or an admin; `FORBIDDEN` otherwise. */
  user?: Maybe<User>;
  /** All users, newest first. For admins. `search` matches prefixes of words of name and e-mail, regardless of accents and case. */
  users: UserConnection;
};


export type QueryDeadLetterArgs = {
  id: Scalars['ID']['input'];
};


export type QueryDeadLettersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  redriven?: InputMaybe<Scalars['Boolean']['input']>;
};


export type QueryNotificationsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  orderId?: InputMaybe<Scalars['ID']['input']>;
  status?: InputMaybe<NotificationStatus>;
  userIds?: InputMaybe<Array<Scalars['ID']['input']>>;
};


export type QueryOrderArgs = {
  id: Scalars['ID']['input'];
};


export type QueryOrdersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  from?: InputMaybe<Scalars['String']['input']>;
  number?: InputMaybe<Scalars['String']['input']>;
  overdue?: InputMaybe<Scalars['Boolean']['input']>;
  status?: InputMaybe<OrderStatus>;
  to?: InputMaybe<Scalars['String']['input']>;
  userIds?: InputMaybe<Array<Scalars['ID']['input']>>;
};


export type QueryProductArgs = {
  id: Scalars['ID']['input'];
  includeArchived?: InputMaybe<Scalars['Boolean']['input']>;
};


export type QueryProductsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  filter?: InputMaybe<ProductFilter>;
  first?: InputMaybe<Scalars['Int']['input']>;
  sort?: InputMaybe<ProductSort>;
};


export type QueryProductsByIdsArgs = {
  ids: Array<Scalars['ID']['input']>;
};


export type QuerySecurityLogArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  userId?: InputMaybe<Scalars['ID']['input']>;
};


export type QueryUserArgs = {
  id: Scalars['ID']['input'];
};


export type QueryUsersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  search?: InputMaybe<Scalars['String']['input']>;
};

export type RegisterInput = {
  email: Scalars['String']['input'];
  /** FR by default. */
  locale?: InputMaybe<Locale>;
  name: Scalars['String']['input'];
  /** 8 to 128 characters of any kind; not a commonly used password, and not your name or address. */
  password: Scalars['String']['input'];
};

export type Role =
  | 'ADMIN'
  | 'USER';

/** An event about an account. */
export type SecurityEvent = {
  __typename?: 'SecurityEvent';
  at: Scalars['DateTime']['output'];
  /** The user who acted; null when the actor was not signed in. */
  byId?: Maybe<Scalars['ID']['output']>;
  id: Scalars['ID']['output'];
  outcome: Outcome;
  /** A keyed hash: equal for all events from one client subnet, which it does not reveal. */
  place: Scalars['String']['output'];
  sessionId?: Maybe<Scalars['ID']['output']>;
  /** The id of the request's trace, which is in the logs too. */
  traceId?: Maybe<Scalars['String']['output']>;
  /** The user whose account it is; null when there is none. */
  userId?: Maybe<Scalars['ID']['output']>;
  what: SecurityEventKind;
};

export type SecurityEventConnection = {
  __typename?: 'SecurityEventConnection';
  edges: Array<SecurityEventEdge>;
  nodes: Array<SecurityEvent>;
  pageInfo: PageInfo;
  /** Exact up to 10,000; beyond it 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type SecurityEventEdge = {
  __typename?: 'SecurityEventEdge';
  cursor: Scalars['String']['output'];
  node: SecurityEvent;
};

export type SecurityEventKind =
  | 'ACCOUNT_DELETED'
  | 'DEACTIVATED'
  | 'EMAIL_CHANGED'
  | 'EMAIL_VERIFIED'
  | 'PASSWORD_CHANGED'
  | 'PASSWORD_RESET'
  | 'PROFILE_CHANGED'
  | 'REACTIVATED'
  /** A used refresh token was presented again, and its session was ended. */
  | 'REFRESH_REUSED'
  | 'REGISTRATION'
  | 'ROLE_CHANGED'
  | 'SESSIONS_ENDED'
  | 'SIGNING_KEY_REVOKED'
  | 'SIGN_IN'
  | 'SIGN_OUT'
  /** A client subnet exceeded a rate limit. */
  | 'THROTTLED';

/** The result of a sign-in or a refresh. */
export type Session = {
  __typename?: 'Session';
  /** A JWT for the header `Authorization: Bearer …`. */
  accessToken: Scalars['String']['output'];
  /** The access token's lifetime in seconds. */
  expiresIn: Scalars['Int']['output'];
  /** Opaque and for one use: refreshSession returns its successor. */
  refreshToken: Scalars['String']['output'];
  user: User;
};

export type StatusChange = {
  __typename?: 'StatusChange';
  /** The user who set the status, for admins; null for others, and where it was not recorded. */
  changedBy?: Maybe<User>;
  status: OrderStatus;
  timestamp: Scalars['DateTime']['output'];
};

/** The orders that have one status now. Counts are exact up to 10,000. */
export type StatusStatistics = {
  __typename?: 'StatusStatistics';
  orders: Scalars['Int']['output'];
  /** Neither delivered nor cancelled too long (`OVERDUE_HOURS`) after they were placed. */
  overdue: Scalars['Int']['output'];
  status: OrderStatus;
};

/** A change of a product's stock. */
export type StockMovement = {
  __typename?: 'StockMovement';
  at: Scalars['DateTime']['output'];
  /** The admin who made an opening or adjustment; null for an order and the demo catalogue. */
  by?: Maybe<User>;
  /** What was added to the stock; negative when it was taken. */
  delta: Scalars['Int']['output'];
  id: Scalars['ID']['output'];
  kind: StockMovementKind;
  /** The order of a reservation or release. */
  order?: Maybe<Order>;
  /** Of an adjustment. */
  reason?: Maybe<Scalars['String']['output']>;
};

export type StockMovementConnection = {
  __typename?: 'StockMovementConnection';
  edges: Array<StockMovementEdge>;
  nodes: Array<StockMovement>;
  pageInfo: PageInfo;
  /** Exact up to 10,000; beyond it 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type StockMovementEdge = {
  __typename?: 'StockMovementEdge';
  cursor: Scalars['String']['output'];
  node: StockMovement;
};

export type StockMovementKind =
  | 'ADJUSTMENT'
  | 'OPENING'
  /** What an order gave back. */
  | 'RELEASE'
  /** What an order took. */
  | 'RESERVATION';

export type Subscription = {
  __typename?: 'Subscription';
  /**
   * The order as it is now, then at each change of its status, until the last one: over Server-Sent Events, for its customer and for
   * admins; `NOT_FOUND` otherwise. The id of an event is the number of the change, from 1; a client that connects again with
   * `Last-Event-ID` gets the changes after that one, each with the order as it was then.
   */
  orderChanged: Order;
};


export type SubscriptionOrderChangedArgs = {
  id: Scalars['ID']['input'];
};

export type UpdateProfileInput = {
  /** The language of e-mails. Those about an order stay in the language in which it was placed. */
  locale: Locale;
  /** At most 100 characters in one line, without a web address. */
  name: Scalars['String']['input'];
};

/** A user. Visible to themselves and to admins. */
export type User = {
  __typename?: 'User';
  /** Whether the account can be signed in to. An admin may deactivate it. */
  active: Scalars['Boolean']['output'];
  createdAt: Scalars['DateTime']['output'];
  email: Scalars['String']['output'];
  /** Whether the owner has proven that they receive e-mails at the address. */
  emailVerified: Scalars['Boolean']['output'];
  id: Scalars['ID']['output'];
  /** The language of the e-mails to this user. */
  locale: Locale;
  name: Scalars['String']['output'];
  /** The user's orders, newest first, for that user and for admins. */
  orders?: Maybe<OrderConnection>;
  role: Role;
  /** The open sessions of this user, newest first. For themselves and admins. */
  sessions?: Maybe<OpenSessionConnection>;
};


/** A user. Visible to themselves and to admins. */
export type UserOrdersArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
  status?: InputMaybe<OrderStatus>;
};


/** A user. Visible to themselves and to admins. */
export type UserSessionsArgs = {
  after?: InputMaybe<Scalars['String']['input']>;
  first?: InputMaybe<Scalars['Int']['input']>;
};

export type UserConnection = {
  __typename?: 'UserConnection';
  edges: Array<UserEdge>;
  nodes: Array<User>;
  pageInfo: PageInfo;
  /** Exact up to 10,000; beyond it 10000, and totalCountIsExact is false. */
  totalCount: Scalars['Int']['output'];
  totalCountIsExact: Scalars['Boolean']['output'];
};

export type UserEdge = {
  __typename?: 'UserEdge';
  cursor: Scalars['String']['output'];
  node: User;
};

export type ValueEncoding =
  /** For bytes that are not UTF-8. */
  | 'BASE64'
  | 'UTF8';
