// Generated from docs/openapi.json by `npm run generate:client`. Do not edit.
export interface paths {
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Does the process answer? */
        get: operations["isLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Would a generation be stored, and could it be run? */
        get: operations["isReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/mcp": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The Model Context Protocol: workflows as tools for assistants
         * @description Needs the scope `workflows:read`.
         */
        post: operations["callMcp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics for Prometheus
         * @description Needs the scope `metrics:read`.
         */
        get: operations["readMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/backends": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List backends and how they are
         * @description Needs the scope `backends:read`.
         */
        get: operations["listBackends"];
        put?: never;
        /**
         * Add a backend for all nodes
         * @description Its settings are stored in the database as they are given, credentials included, and masked when shown. Needs the scope `backends:admin`.
         */
        post: operations["addBackend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/backends/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show one backend
         * @description Needs the scope `backends:read`.
         */
        get: operations["getBackend"];
        put?: never;
        post?: never;
        /**
         * Take a backend away once it is empty
         * @description `force` does not wait: what runs is stopped there and goes to other backends. Needs the scope `backends:admin`.
         */
        delete: operations["removeBackend"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/backends/{id}/drain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a backend no new work; what runs goes on
         * @description Needs the scope `backends:admin`.
         */
        post: operations["drainBackend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/backends/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a backend work again
         * @description Needs the scope `backends:admin`.
         */
        post: operations["resumeBackend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/deployments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a deployment
         * @description Needs the scope `workflows:write`.
         */
        delete: operations["removeDeployment"];
        options?: never;
        head?: never;
        /**
         * Change a deployment
         * @description Needs the scope `workflows:write`.
         */
        patch: operations["changeDeployment"];
        trace?: never;
    };
    "/v1/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List all error codes */
        get: operations["listErrors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/errors/{code}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Explain an error code */
        get: operations["explainError"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow everything that happens in the account by server-sent events
         * @description Durable events of all generations carry an id, and the stream can be resumed after it; without one it begins now. Events of the last seconds may come twice after that: `generation_id` and `seq` tell. Progress and previews carry no id. It does not end. Needs the scope `events:read`.
         */
        get: operations["followAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List generations, newest first
         * @description Needs the scope `generations:read`.
         */
        get: operations["listGenerations"];
        put?: never;
        /**
         * Run a graph
         * @description Takes any graph (API format) or workflow (UI format). Programs for other people use registered workflows instead: POST /v1/workflows/{name}/generations. Needs the scope `generations:write` and `workflows:raw`.
         */
        post: operations["submitGraph"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a generation
         * @description Needs the scope `generations:read`.
         */
        get: operations["getGeneration"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a generation
         * @description In the queue it is gone at once. On a backend it is stopped and verified, which takes a moment. Needs the scope `generations:write`.
         */
        post: operations["cancelGeneration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a generation by server-sent events
         * @description Durable events carry an id and can be resumed after it; progress and previews carry none. Ends after the terminal event. Needs the scope `generations:read`.
         */
        get: operations["followGeneration"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{id}/graph": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the graph that a generation runs, and how it was bound
         * @description Needs the scope `generations:read`.
         */
        get: operations["getGenerationGraph"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{id}/outputs/{ordinal}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch an output file.
         * @description Needs the scope `generations:read`.
         */
        get: operations["getOutput"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/generations/{id}/rerun": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run the same again, as a generation of its own
         * @description Needs the scope `generations:write`.
         */
        post: operations["rerunGeneration"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/hooks/comfydeploy/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * ComfyDeploy reports on a run
         * @description For ComfyDeploy alone: the path is secret, one for each attempt. A report is a hint to read the run.
         */
        post: operations["reportRun"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the keys of the account
         * @description Needs the scope `keys:admin`.
         */
        get: operations["listKeys"];
        put?: never;
        /**
         * Make a key
         * @description A key can give away only scopes that it has itself. Needs the scope `keys:admin`.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/keys/{id}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Revoke a key, from the next request on
         * @description Needs the scope `keys:admin`.
         */
        post: operations["revokeKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/media": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List files, newest first.
         * @description Needs the scope `media:read`.
         */
        get: operations["listMedia"];
        put?: never;
        /**
         * Store a file.
         * @description The body is the file itself, or a form (multipart/form-data) with one file, or JSON with `url` or `data_url`. Needs the scope `media:write`.
         */
        post: operations["storeMedia"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/media/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show a file: what is in it and where it comes from.
         * @description Needs the scope `media:read`.
         */
        get: operations["getMedia"];
        put?: never;
        post?: never;
        /**
         * Remove a file and what was derived from it.
         * @description Needs the scope `media:write`.
         */
        delete: operations["removeMedia"];
        options?: never;
        head?: never;
        /**
         * Pin a file, or let go of it.
         * @description Needs the scope `media:write`.
         */
        patch: operations["updateMedia"];
        trace?: never;
    };
    "/v1/media/{id}/content": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Fetch a file, or what is derived from it.
         * @description With any of the parameters of a recipe, a picture is made from it, once, and then kept. Needs the scope `media:read`.
         */
        get: operations["getMediaContent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/media/{id}/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an address at which anybody may read the file for a while.
         * @description Needs the scope `media:read`.
         */
        post: operations["linkMedia"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * This API as an OpenAPI document
         * @description Who may read workflows finds a path for each of them, with the schema of its inputs as it is now.
         */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/points": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What the account has
         * @description Needs the scope `points:read`.
         */
        get: operations["getBalance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/points/estimate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What a generation will cost
         * @description Needs the scope `points:read`.
         */
        get: operations["estimatePrice"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/points/grants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give credit to an account
         * @description Kept in the audit with the id of the key and the reason. Needs the scope `points:admin`.
         */
        post: operations["grantPoints"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/points/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What happened to the account
         * @description Needs the scope `points:read`.
         */
        get: operations["listHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List live sessions, oldest first
         * @description Needs the scope `sessions:read`.
         */
        get: operations["listSessions"];
        put?: never;
        /**
         * Get or create the session of a user
         * @description Without `platform` and `user_id` it is the session of the account itself. A bot that serves users of a platform has a key with the scope `accounts:any`; a user that nobody knows gets an account of its own, a guest. Needs the scope `sessions:write`.
         */
        post: operations["openSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a session, without touching it
         * @description Needs the scope `sessions:read`.
         */
        get: operations["getSession"];
        put?: never;
        post?: never;
        /**
         * End a session
         * @description Its values are deleted. Preferences stay. Needs the scope `sessions:write`.
         */
        delete: operations["removeSession"];
        options?: never;
        head?: never;
        /**
         * Change values and preferences
         * @description What is absent stays, so that two who change different values lose nothing. With `if_revision` it changes only a session that nobody else has changed since. Needs the scope `sessions:write`.
         */
        patch: operations["updateSession"];
        trace?: never;
    };
    "/v1/sessions/{id}/claim": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make the guest of this session part of an account
         * @description For a program that knows by itself whose account it is. Needs the scope `sessions:write` and `accounts:any`.
         */
        post: operations["claimSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions/{id}/link": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Link the user of this session by a code from elsewhere
         * @description Needs the scope `sessions:write`.
         */
        post: operations["redeemLinkCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions/{id}/link-codes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a code that links another platform to this account
         * @description Needs the scope `sessions:write`.
         */
        post: operations["createLinkCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/sessions/{id}/touch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Keep a session alive
         * @description Needs the scope `sessions:write`.
         */
        post: operations["touchSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/signed/media/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Fetch a file by a signed address. */
        get: operations["getSignedMedia"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/types/{type}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The deployments of a type of workflow, and what they require
         * @description Needs the scope `workflows:read`.
         */
        get: operations["getDeploymentIdByType"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/types/{type}/selection": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Which deployment of a type a run would get now, and why
         * @description Needs the scope `workflows:read`.
         */
        get: operations["selectDeployment"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the endpoints of the account
         * @description Needs the scope `webhooks:read`.
         */
        get: operations["listWebhooks"];
        put?: never;
        /**
         * Be told about generations at an address
         * @description Needs the scope `webhooks:write`.
         */
        post: operations["createWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read an endpoint
         * @description Needs the scope `webhooks:read`.
         */
        get: operations["getWebhook"];
        put?: never;
        post?: never;
        /**
         * Remove an endpoint with its deliveries
         * @description Needs the scope `webhooks:write`.
         */
        delete: operations["removeWebhook"];
        options?: never;
        head?: never;
        /**
         * Change an endpoint
         * @description Needs the scope `webhooks:write`.
         */
        patch: operations["updateWebhook"];
        trace?: never;
    };
    "/v1/webhooks/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deliveries, newest first
         * @description Needs the scope `webhooks:read`.
         */
        get: operations["listWebhookDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/deliveries/{message}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a delivery with all its tries
         * @description Needs the scope `webhooks:read`.
         */
        get: operations["getWebhookDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/deliveries/{message}/redeliver": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a message once more
         * @description Needs the scope `webhooks:write`.
         */
        post: operations["redeliverWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/rotate-secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a new secret
         * @description Needs the scope `webhooks:write`.
         */
        post: operations["rotateWebhookSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/webhooks/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test message
         * @description Needs the scope `webhooks:write`.
         */
        post: operations["testWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List workflows, by name
         * @description Needs the scope `workflows:read`.
         */
        get: operations["listWorkflows"];
        put?: never;
        /**
         * Add a version of a workflow, and with the first one the workflow
         * @description Needs the scope `workflows:write`.
         */
        post: operations["addWorkflow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a workflow, and what a version of it takes, makes and needs
         * @description Needs the scope `workflows:read`.
         */
        get: operations["getWorkflow"];
        put?: never;
        post?: never;
        /**
         * Remove a workflow with all versions, labels and deployments
         * @description Needs the scope `workflows:write`.
         */
        delete: operations["removeWorkflow"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/availability": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Ask every backend what it lacks for a workflow
         * @description Needs the scope `workflows:read`.
         */
        get: operations["checkWorkflow"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/deployments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the deployments of a workflow
         * @description Needs the scope `workflows:read`.
         */
        get: operations["listDeployments"];
        put?: never;
        /**
         * Say where runs of a workflow may go
         * @description Needs the scope `workflows:write`.
         */
        post: operations["addDeployment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare two versions
         * @description Needs the scope `workflows:read`.
         */
        get: operations["diffWorkflowVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/disable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Turn a workflow off: it takes no new generations
         * @description Needs the scope `workflows:write`.
         */
        post: operations["disableWorkflow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/enable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Turn a workflow on
         * @description Needs the scope `workflows:write`.
         */
        post: operations["enableWorkflow"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/generations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a workflow with these values
         * @description Needs the scope `generations:write`.
         */
        post: operations["generate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/labels/{label}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Move a label to a version
         * @description Needs the scope `workflows:write`.
         */
        put: operations["setWorkflowLabel"];
        post?: never;
        /**
         * Take a label away
         * @description Needs the scope `workflows:write`.
         */
        delete: operations["removeWorkflowLabel"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/labels/{label}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take a label back to the version that it was at before
         * @description Needs the scope `workflows:write`.
         */
        post: operations["rollbackWorkflowLabel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/schema": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read what a workflow takes, as JSON Schema
         * @description Needs the scope `workflows:read`.
         */
        get: operations["getWorkflowSchema"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the versions of a workflow, newest first
         * @description Needs the scope `workflows:read`.
         */
        get: operations["listWorkflowVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/workflows/{name}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read a version with its graph
         * @description Needs the scope `workflows:read`.
         */
        get: operations["getWorkflowVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AddedWorkflow: {
            aliases: string[];
            /** Format: date-time */
            created_at: string;
            description: string | null;
            enabled: boolean;
            generations_url: string;
            inputs: components["schemas"]["WorkflowInput"][];
            /** @description False when the workflow had this very content before. */
            is_new: boolean;
            /** @description Label to version hash. */
            labels: {
                [key: string]: string;
            };
            latest: components["schemas"]["WorkflowVersionId"];
            limits: {
                max_attempts?: number;
                queue_ms?: number;
                run_ms?: number;
            };
            name: string;
            outputs: {
                description?: string;
                media: string;
                name: string;
                node_id: string;
            }[];
            requires: {
                classes: string[];
                models: string[];
                packs: string[];
                tags?: string[];
                vram_bytes?: number;
            };
            schema_url: string;
            /** @description Who added it, or the source that keeps it up to date. */
            source: string;
            title: string | null;
            /** @description MAKE, I2I, UPSCALE, ...; what it is for. */
            type: string | null;
            /** Format: date-time */
            updated_at: string;
            url: string;
            version: components["schemas"]["WorkflowVersionId"];
            versions_url: string;
            warnings?: {
                code: string;
                message: string;
                node_id: string;
            }[];
        };
        Backend: {
            /** @description When this node last looked; null where it cannot. */
            checked_at: string | null;
            /** @enum {string} */
            circuit: "closed" | "open" | "half-open";
            /** @enum {string} */
            desired: "active" | "draining" | "removing" | "evicting";
            error: components["schemas"]["Error"] | null;
            id: string;
            /** @enum {string} */
            kind: "comfyui" | "comfydeploy" | "embedded";
            latency_ms: number | null;
            /** @description Of ours, under way on it. */
            open_attempts: number;
            /**
             * @description From the configuration of a node, or added at run time.
             * @enum {string}
             */
            origin: "config" | "added";
            /** @description The node that looks after it. */
            owner: string | null;
            /** @description Prompts in its own queue, running ones and those of others included. */
            queue_remaining: number | null;
            /** @description No work before this time, while the circuit is open. */
            retry_at: string | null;
            /** @description Of an added one, with secrets masked; only for `backends:admin`, else null. */
            settings: unknown;
            /** @enum {string} */
            state: "booting" | "ready" | "draining" | "unreachable" | "wrong" | "stalled";
            /** @description Without credentials. */
            url: string;
            version: string | null;
            vram_bytes: number | null;
        };
        Balance: {
            account_id: string;
            /** @description Micro-points. */
            allowance: number;
            /** @description Micro-points. */
            allowance_cap: number;
            allowance_full_at: string | null;
            /** @description Micro-points. */
            allowance_per_day: number;
            /** @description Micro-points. */
            credit: number;
            /** @description Micro-points. */
            experience: number;
            expiring: {
                /** @description Micro-points. */
                amount: number;
                /** Format: date-time */
                expires_at: string;
            }[];
            /** @description Micro-points. */
            floor: number;
            /** @description Micro-points. */
            held: number;
            plan: string;
            tier: string | null;
        };
        Deployment: {
            contexts: string[];
            /** Format: date-time */
            created_at: string;
            enabled: boolean;
            /** Format: uuid */
            id: string;
            source: string;
            target: {
                backend_id?: string | null;
                deployment_id?: string;
                /** @enum {string} */
                kind: "any" | "backend" | "comfydeploy";
            };
            /** Format: date-time */
            updated_at: string;
            version: string | null;
            weight: number;
            workflow: string;
        };
        DescribedWorkflow: {
            aliases: string[];
            /** Format: date-time */
            created_at: string;
            description: string | null;
            enabled: boolean;
            generations_url: string;
            inputs: components["schemas"]["WorkflowInput"][];
            /** @description Label to version hash. */
            labels: {
                [key: string]: string;
            };
            latest: components["schemas"]["WorkflowVersionId"];
            limits: {
                max_attempts?: number;
                queue_ms?: number;
                run_ms?: number;
            };
            name: string;
            outputs: {
                description?: string;
                media: string;
                name: string;
                node_id: string;
            }[];
            requires: {
                classes: string[];
                models: string[];
                packs: string[];
                tags?: string[];
                vram_bytes?: number;
            };
            schema_url: string;
            /** @description Who added it, or the source that keeps it up to date. */
            source: string;
            title: string | null;
            /** @description MAKE, I2I, UPSCALE, ...; what it is for. */
            type: string | null;
            /** Format: date-time */
            updated_at: string;
            url: string;
            version: components["schemas"]["WorkflowVersionId"];
            versions_url: string;
        };
        /** @description Why something failed. `GET /v1/errors/{code}` explains a code. */
        Error: {
            /** @enum {string} */
            code: "usage_invalid" | "config_invalid" | "request_invalid" | "not_found" | "idempotency_conflict" | "payload_too_large" | "media_type_unsupported" | "range_unsatisfiable" | "origin_forbidden" | "internal" | "file_unreadable" | "file_not_a_workflow" | "graph_invalid" | "graph_unconvertible" | "graph_input_unknown" | "graph_input_invalid" | "workflow_unknown" | "workflow_version_unknown" | "workflow_type_unknown" | "deployment_none" | "workflow_disabled" | "workflow_name_taken" | "workflow_label_invalid" | "workflow_manifest_invalid" | "workflow_input_invalid" | "deployment_unknown" | "backend_rejected_graph" | "backend_node_missing" | "backend_model_missing" | "node_failed" | "out_of_memory" | "outputs_missing" | "backend_unreachable" | "backend_not_comfyui" | "backend_protocol" | "backend_unauthorized" | "backend_overloaded" | "backend_failed" | "backend_lost_run" | "backend_interrupted" | "backend_exists" | "backend_configured" | "output_unavailable" | "deployment_missing" | "deployment_mismatch" | "submit_uncertain" | "queue_timeout" | "run_timeout" | "collect_timeout" | "wait_timeout" | "generation_poisoned" | "cancelled" | "transition_illegal" | "lease_lost" | "shutting_down" | "points_insufficient" | "points_budget_exceeded" | "points_plan_limit" | "points_hold_ended" | "points_refund_excessive" | "database_unavailable" | "database_conflict" | "database_schema" | "storage_failed" | "media_invalid" | "outbound_forbidden" | "outbound_refused" | "outbound_failed" | "outbound_timeout" | "media_too_complex" | "media_quota_exceeded" | "media_in_use" | "media_underivable" | "media_tool_missing" | "media_link_invalid" | "session_limit" | "session_conflict" | "session_identity_taken" | "session_code_invalid" | "session_code_attempts" | "session_link_refused" | "account_merged" | "waiting_room_full" | "unauthenticated" | "scope_missing" | "rate_limited";
            details?: unknown;
            hint: string;
            message: string;
            retryable: boolean;
        };
        ErrorExplanation: {
            code: string;
            hint: string;
            retryable: boolean;
            status: number;
            summary: string;
        };
        Estimate: {
            /** @description Micro-points. */
            hold: number;
            note: string | null;
            /** @description Micro-points. */
            p50: number;
            /** @description Micro-points. */
            p90: number;
            samples: number;
        };
        Generation: {
            attempt_count: number;
            backend_id: string | null;
            cancel_requested: boolean;
            cancel_url: string;
            /** Format: date-time */
            created_at: string;
            /** @description It will not change any more. */
            ended: boolean;
            error: components["schemas"]["Error"] | null;
            events_url: string;
            finished_at: string | null;
            /** Format: uuid */
            id: string;
            /** @enum {string} */
            lane: "interactive" | "batch";
            /** @description What the caller attached, as it came. */
            metadata: unknown;
            outputs: components["schemas"]["Output"][];
            /** @description While it waits: its place, from 1, and when it will start, as far as that can be told. */
            queue?: {
                eta_ms: number | null;
                position: number;
            };
            session_id: string | null;
            started_at: string | null;
            /** @enum {string} */
            status: "queued" | "running" | "collecting" | "succeeded" | "failed" | "cancelled" | "expired";
            status_url: string;
            workflow_name: string | null;
            workflow_version: string | null;
        };
        GenerationGraph: {
            /** @description What binding changed in the graph of the workflow, in its order. */
            changes: {
                from?: unknown;
                input: string;
                node: string;
                to: unknown;
                why: string;
            }[] | null;
            /** Format: uuid */
            generation_id: string;
            graph: {
                [key: string]: unknown;
            };
            inputs: {
                [key: string]: unknown;
            } | null;
        };
        GenerationPage: {
            data: components["schemas"]["Generation"][];
            /** @description `before` of the next page; null at the end. */
            next_before: string | null;
        };
        HistoryEntry: {
            /** @description Micro-points. */
            allowance: number;
            /** @description Micro-points. */
            amount: number;
            /** Format: date-time */
            at: string;
            balance: {
                /** @description Micro-points. */
                allowance: number;
                /** @description Micro-points. */
                credit: number;
                /** @description Micro-points. */
                held: number;
            };
            /** @description Micro-points. */
            credit: number;
            generation_id: string | null;
            /** @description Micro-points. */
            held: number;
            hold_id: string | null;
            /** @enum {string} */
            kind: "grant" | "revoke" | "accrue" | "hold" | "capture" | "release" | "refund" | "transfer" | "expire";
            note: unknown;
            seq: number;
            transfer_id: string;
        };
        HistoryPage: {
            data: components["schemas"]["HistoryEntry"][];
            next_cursor: number | null;
        };
        Key: {
            account_id: string;
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            /** Format: uuid */
            id: string;
            last_used_at: string | null;
            max_concurrent: number | null;
            name: string;
            /** @description The first characters, to tell keys apart. */
            prefix: string;
            rate_per_minute: number | null;
            revoked_at: string | null;
            scopes: ("generations:read" | "generations:write" | "events:read" | "workflows:read" | "workflows:write" | "workflows:raw" | "media:read" | "media:write" | "points:read" | "points:admin" | "sessions:read" | "sessions:write" | "backends:read" | "backends:admin" | "webhooks:read" | "webhooks:write" | "keys:admin" | "metrics:read" | "accounts:any")[];
        };
        LinkCode: {
            account_id: string;
            /** @description Shown this once. Works once. */
            code: string;
            /** Format: date-time */
            expires_at: string;
        };
        Linked: {
            /** @description The account that has both now. */
            account_id: string;
            /** @description The account that is no more; null when nothing changed. */
            merged_from: string | null;
            /** @description How many generations, files and micro-points moved. */
            moved: {
                [key: string]: number;
            };
        };
        MovedLabel: {
            from: string | null;
            label: string;
            to: string;
        };
        NewKey: {
            account_id: string;
            /** Format: date-time */
            created_at: string;
            expires_at: string | null;
            /** Format: uuid */
            id: string;
            last_used_at: string | null;
            max_concurrent: number | null;
            name: string;
            /** @description The first characters, to tell keys apart. */
            prefix: string;
            rate_per_minute: number | null;
            revoked_at: string | null;
            scopes: ("generations:read" | "generations:write" | "events:read" | "workflows:read" | "workflows:write" | "workflows:raw" | "media:read" | "media:write" | "points:read" | "points:admin" | "sessions:read" | "sessions:write" | "backends:read" | "backends:admin" | "webhooks:read" | "webhooks:write" | "keys:admin" | "metrics:read" | "accounts:any")[];
            /** @description The key itself. Shown this once. */
            secret: string;
        };
        NewWebhookEndpoint: {
            /** Format: date-time */
            created_at: string;
            description: string;
            /** @description Why Easel turned it off by itself. */
            disabled_reason: string | null;
            enabled: boolean;
            events: ("generation.started" | "generation.retrying" | "generation.succeeded" | "generation.failed" | "generation.cancelled" | "generation.expired")[];
            /** @description Since when every try has failed. */
            failing_since: string | null;
            /** Format: uuid */
            id: string;
            /** @description To verify signatures with. Shown this once. */
            secret: string;
            /** Format: date-time */
            updated_at: string;
            url: string;
        };
        OpenedSession: {
            account_id: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Unless it is used before.
             */
            expires_at: string;
            /** @description Its account was made for this user, and belongs to nobody else yet. */
            guest: boolean;
            /** Format: uuid */
            id: string;
            platform: string;
            /** @description Remembered when the session is over. */
            preferences: {
                backend_id: string | null;
                /** @description What was used last, by workflow. */
                inputs: {
                    [key: string]: {
                        [key: string]: unknown;
                    };
                };
                locale: string | null;
                workflow: string | null;
            };
            /** @description This user was here before. */
            returning: boolean;
            revision: number;
            /** Format: date-time */
            touched_at: string;
            user_id: string;
            values: {
                [key: string]: unknown;
            };
        };
        Output: {
            bytes: number;
            content_type: string;
            filename: string;
            /** @description SHA-256 of the file; null for text. */
            hash: string | null;
            id: string;
            key: string;
            /** @description image, video, audio, model3d, text, latent or file. */
            kind: string;
            node_id: string;
            /** @description Position in the order of the graph, from 0. */
            ordinal: number;
            text: string | null;
            /** @description Where to fetch it, relative to this server. */
            url: string;
        };
        /** @description RFC 9457. */
        Problem: {
            /** @description Stable; `GET /v1/errors/{code}` explains it. */
            code: string;
            detail: string;
            details?: unknown;
            errors?: {
                /** @description What would do: limits, or choices. */
                allowed?: unknown;
                detail: string;
                header?: string;
                /** @description Of a workflow. */
                input?: string;
                /** @description What looks like it. */
                nearest?: string[];
                parameter?: string;
                /** @description The limit of the plan, where that is the reason. */
                plan?: unknown;
                /** @description Where in the body, as a JSON pointer. */
                pointer?: string;
            }[];
            /** @description The way out. */
            hint: string;
            request_id: string;
            retryable: boolean;
            status: number;
            title: string;
            type: string;
        };
        Readiness: {
            backends: {
                ready: number;
                total: number;
            };
            /** @enum {string} */
            database: "ok" | "failed";
            /** @enum {string} */
            status: "ready" | "not_ready";
        };
        Receipt: {
            /** @description Micro-points. */
            amount: number;
            repeated: boolean;
            transfer_id: string;
        };
        RequiredInput: {
            description: string | null;
            name: string;
            title: string | null;
            type: string;
        };
        Selection: {
            considered: {
                deployment_id: string;
                load: number;
                state: string;
                /** @enum {string} */
                verdict: "chosen" | "other" | "other_context" | "off" | "not_well" | "spare";
                workflow: string;
            }[];
            context: string;
            deployment_id: string;
            /** @enum {string} */
            rule: "preference" | "sticky" | "least_loaded" | "weight" | "spare" | "waiting";
            sentence: string;
            workflow: string;
        };
        Session: {
            account_id: string;
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Unless it is used before.
             */
            expires_at: string;
            /** @description Its account was made for this user, and belongs to nobody else yet. */
            guest: boolean;
            /** Format: uuid */
            id: string;
            platform: string;
            /** @description Remembered when the session is over. */
            preferences: {
                backend_id: string | null;
                /** @description What was used last, by workflow. */
                inputs: {
                    [key: string]: {
                        [key: string]: unknown;
                    };
                };
                locale: string | null;
                workflow: string | null;
            };
            revision: number;
            /** Format: date-time */
            touched_at: string;
            user_id: string;
            values: {
                [key: string]: unknown;
            };
        };
        SessionPage: {
            data: components["schemas"]["Session"][];
            /** @description `after` of the next page; null at the end. */
            next_after: string | null;
        };
        SubmittedGeneration: {
            attempt_count: number;
            backend_id: string | null;
            cancel_requested: boolean;
            cancel_url: string;
            /** Format: date-time */
            created_at: string;
            /** @description It will not change any more. */
            ended: boolean;
            error: components["schemas"]["Error"] | null;
            events_url: string;
            finished_at: string | null;
            /** Format: uuid */
            id: string;
            /** @enum {string} */
            lane: "interactive" | "batch";
            /** @description What the caller attached, as it came. */
            metadata: unknown;
            outputs: components["schemas"]["Output"][];
            /** @description While it waits: its place, from 1, and when it will start, as far as that can be told. */
            queue?: {
                eta_ms: number | null;
                position: number;
            };
            session_id: string | null;
            started_at: string | null;
            /** @enum {string} */
            status: "queued" | "running" | "collecting" | "succeeded" | "failed" | "cancelled" | "expired";
            status_url: string;
            /** @description What the conversion of a UI workflow had to guess. */
            warnings?: {
                code: string;
                message: string;
                node_id: string;
            }[];
            workflow_name: string | null;
            workflow_version: string | null;
        };
        WebhookDelivery: {
            attempt_count: number;
            /** Format: date-time */
            created_at: string;
            finished_at: string | null;
            generation_id: string | null;
            last_error: string | null;
            last_status: number | null;
            /** @description `webhook-id` of the message: the same for every try. */
            message_id: string;
            next_at: string | null;
            /** @enum {string} */
            status: "pending" | "delivered" | "dead";
            type: string;
        };
        WebhookDeliveryLog: {
            attempt_count: number;
            /** Format: date-time */
            created_at: string;
            finished_at: string | null;
            generation_id: string | null;
            last_error: string | null;
            last_status: number | null;
            /** @description `webhook-id` of the message: the same for every try. */
            message_id: string;
            next_at: string | null;
            /** @enum {string} */
            status: "pending" | "delivered" | "dead";
            tries: {
                /** @description The first kilobyte of what the receiver answered. */
                answer: string | null;
                /** Format: date-time */
                at: string;
                duration_ms: number;
                error: string | null;
                number: number;
                status: number | null;
            }[];
            type: string;
        };
        WebhookDeliveryPage: {
            data: components["schemas"]["WebhookDelivery"][];
            next_before: string | null;
        };
        WebhookEndpoint: {
            /** Format: date-time */
            created_at: string;
            description: string;
            /** @description Why Easel turned it off by itself. */
            disabled_reason: string | null;
            enabled: boolean;
            events: ("generation.started" | "generation.retrying" | "generation.succeeded" | "generation.failed" | "generation.cancelled" | "generation.expired")[];
            /** @description Since when every try has failed. */
            failing_since: string | null;
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            updated_at: string;
            url: string;
        };
        WebhookTest: {
            message_id: string;
        };
        Workflow: {
            aliases: string[];
            /** Format: date-time */
            created_at: string;
            description: string | null;
            enabled: boolean;
            generations_url: string;
            /** @description Label to version hash. */
            labels: {
                [key: string]: string;
            };
            latest: components["schemas"]["WorkflowVersionId"];
            name: string;
            schema_url: string;
            /** @description Who added it, or the source that keeps it up to date. */
            source: string;
            title: string | null;
            /** @description MAKE, I2I, UPSCALE, ...; what it is for. */
            type: string | null;
            /** Format: date-time */
            updated_at: string;
            url: string;
            versions_url: string;
        };
        WorkflowAvailability: {
            backend_id: string;
            choices?: {
                input: string;
                nearest: string[];
                node_id: string;
                value: string;
            }[];
            classes?: {
                class_type: string;
                nearest: string[];
                nodes: unknown[];
            }[];
            error?: components["schemas"]["Error"];
            models?: {
                folder: string;
                input: string | null;
                name: string;
                nearest: string[];
                node_id: string | null;
            }[];
            /** @description Null when the backend could not be asked. */
            ok: boolean | null;
            packs?: string[];
            unchecked?: string[];
        };
        WorkflowDiff: {
            about: {
                field: string;
                from?: unknown;
                to?: unknown;
            }[];
            classes: {
                added: string[];
                removed: string[];
            };
            from: components["schemas"]["WorkflowVersionId"];
            inputs: {
                added: string[];
                changed: {
                    fields: {
                        field: string;
                        from?: unknown;
                        to?: unknown;
                    }[];
                    name: string;
                }[];
                removed: string[];
            };
            models: {
                added: string[];
                removed: string[];
            };
            nodes: {
                added: {
                    class_type: string;
                    id: string;
                    title: string | null;
                }[];
                changed: {
                    class_type: string;
                    id: string;
                    inputs: {
                        field: string;
                        from?: unknown;
                        to?: unknown;
                    }[];
                    title: string | null;
                }[];
                removed: {
                    class_type: string;
                    id: string;
                    title: string | null;
                }[];
            };
            outputs: {
                added: string[];
                changed: {
                    fields: {
                        field: string;
                        from?: unknown;
                        to?: unknown;
                    }[];
                    name: string;
                }[];
                removed: string[];
            };
            same: boolean;
            to: components["schemas"]["WorkflowVersionId"];
            workflow: string;
        };
        WorkflowGeneration: {
            attempt_count: number;
            backend_id: string | null;
            cancel_requested: boolean;
            cancel_url: string;
            /** Format: date-time */
            created_at: string;
            /** @description It will not change any more. */
            ended: boolean;
            error: components["schemas"]["Error"] | null;
            events_url: string;
            finished_at: string | null;
            /** Format: uuid */
            id: string;
            /** @description The value of every input, drawn seeds included. */
            inputs: {
                [key: string]: unknown;
            } | null;
            /** @enum {string} */
            lane: "interactive" | "batch";
            /** @description What the caller attached, as it came. */
            metadata: unknown;
            outputs: components["schemas"]["Output"][];
            /** @description While it waits: its place, from 1, and when it will start, as far as that can be told. */
            queue?: {
                eta_ms: number | null;
                position: number;
            };
            session_id: string | null;
            started_at: string | null;
            /** @enum {string} */
            status: "queued" | "running" | "collecting" | "succeeded" | "failed" | "cancelled" | "expired";
            status_url: string;
            workflow_name: string | null;
            workflow_version: string | null;
        };
        WorkflowInput: {
            choices?: unknown[];
            default?: unknown;
            description?: string;
            /** @description Heading in a form. */
            group: string;
            max?: unknown;
            max_length?: number;
            /** @enum {string} */
            media?: "image" | "mask" | "video" | "audio" | "file";
            min?: unknown;
            min_length?: number;
            multiline?: boolean;
            name: string;
            /** @description Position in a form, from 0. */
            order: number;
            /** @description What the workflow adds to the text. */
            prompt?: unknown;
            required: boolean;
            role: string;
            /**
             * @description What an absent seed means.
             * @enum {string}
             */
            seed?: "random" | "fixed" | "increment";
            /**
             * @description Where it was found.
             * @enum {string}
             */
            source: "manifest" | "marker" | "title" | "heuristic";
            step?: number;
            /** @enum {string} */
            takes?: "upload" | "url";
            targets: {
                input: string;
                node: string;
            }[];
            title?: string;
            /** @enum {string} */
            type: "string" | "integer" | "number" | "boolean" | "choice" | "file";
        };
        WorkflowPage: {
            data: components["schemas"]["Workflow"][];
            /** @description `after` of the next page; null at the end. */
            next_after: string | null;
        };
        WorkflowType: {
            deployment_ids: string[];
            /** @description What a request must give, whichever deployment it gets. */
            required_inputs: components["schemas"]["RequiredInput"][];
            type: string;
            workflows: {
                deployment_ids: string[];
                name: string;
                required_inputs: components["schemas"]["RequiredInput"][];
            }[];
        };
        WorkflowVersion: {
            /** Format: date-time */
            created_at: string;
            description: string | null;
            graph: {
                [key: string]: unknown;
            };
            inputs: components["schemas"]["WorkflowInput"][];
            limits: {
                max_attempts?: number;
                queue_ms?: number;
                run_ms?: number;
            };
            note: string | null;
            outputs: {
                description?: string;
                media: string;
                name: string;
                node_id: string;
            }[];
            requires: {
                classes: string[];
                models: string[];
                packs: string[];
                tags?: string[];
                vram_bytes?: number;
            };
            title: string | null;
            type: string | null;
            version: components["schemas"]["WorkflowVersionId"];
            workflow: string;
        };
        WorkflowVersionId: {
            /** @description SHA-256 of graph and interface. */
            hash: string;
            /** @description Counts from 1 within the workflow. */
            number: number;
        };
        WorkflowVersionSummary: {
            /** Format: date-time */
            created_at: string;
            /** @description SHA-256 of graph and interface. */
            hash: string;
            is_latest: boolean;
            labels: string[];
            note: string | null;
            /** @description Counts from 1 within the workflow. */
            number: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    isLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It does. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        status: "live";
                    };
                };
            };
        };
    };
    isReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Yes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            /** @description No. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    callMcp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description A message of the protocol. */
        requestBody: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Its answer, as JSON or as events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    readMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The text format of Prometheus. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": unknown;
                };
            };
        };
    };
    listBackends: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Backend"][];
                    };
                };
            };
        };
    };
    addBackend: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Added; nodes open it within a moment. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
        };
    };
    getBackend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
        };
    };
    removeBackend: {
        parameters: {
            query?: {
                force?: boolean;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It will be gone once nothing of ours is on it. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    drainBackend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
        };
    };
    resumeBackend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The backend. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Backend"];
                };
            };
        };
    };
    removeDeployment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    changeDeployment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    contexts?: string[];
                    enabled?: boolean;
                    target?: {
                        /** @constant */
                        kind: "any";
                    } | {
                        backend_id: string;
                        /** @constant */
                        kind: "backend";
                    } | {
                        backend_id?: string | null;
                        deployment_id: string;
                        /** @constant */
                        kind: "comfydeploy";
                    };
                    version?: string | null;
                    weight?: number;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The deployment. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deployment"];
                };
            };
        };
    };
    listErrors: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ErrorExplanation"][];
                    };
                };
            };
        };
    };
    explainError: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                code: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description What it means and what to do. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ErrorExplanation"];
                };
            };
        };
    };
    followAccount: {
        parameters: {
            query?: {
                after?: string;
                previews?: boolean;
            };
            header?: {
                /** @description Resumes after this event; browsers send it by themselves. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
        };
    };
    listGenerations: {
        parameters: {
            query?: {
                before?: string;
                /** @description At this time or later. */
                created_after?: string;
                /** @description Before this time. */
                created_before?: string;
                limit?: number;
                /** @description Any of these: repeated, or with commas between. */
                status?: ("queued" | "running" | "collecting" | "succeeded" | "failed" | "cancelled" | "expired")[];
                /** @description By the name of its workflow. */
                workflow?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GenerationPage"];
                };
            };
        };
    };
    submitGraph: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same body returns the first answer; with another body it is a conflict. */
                "Idempotency-Key"?: string;
                /** @description Seconds to hold the answer back until the generation has ended: `wait=30`. */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    backend_id?: string;
                    graph?: {
                        [key: string]: unknown;
                    };
                    inputs?: {
                        [key: string]: {
                            media_id: string;
                        };
                    };
                    /** @enum {string} */
                    lane?: "interactive" | "batch";
                    limits?: {
                        max_attempts?: number;
                        queue_ms?: number;
                        run_ms?: number;
                    };
                    metadata?: {
                        [key: string]: unknown;
                    };
                    needs?: {
                        tags?: string[];
                        vram_bytes?: number;
                    };
                    negative?: string;
                    prompt?: string;
                    seed?: number | string;
                    /** Format: uuid */
                    session_id?: string;
                    set?: {
                        [key: string]: unknown;
                    };
                    workflow?: {
                        [key: string]: unknown;
                    };
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It ended while you waited, or it was there before. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmittedGeneration"];
                };
            };
            /** @description Accepted, and not ended yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmittedGeneration"];
                };
            };
        };
    };
    getGeneration: {
        parameters: {
            query?: never;
            header?: {
                /** @description Seconds to hold the answer back until the generation has ended: `wait=30`. */
                Prefer?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Generation"];
                };
            };
        };
    };
    cancelGeneration: {
        parameters: {
            query?: never;
            header?: {
                /** @description Seconds to hold the answer back until the generation has ended: `wait=30`. */
                Prefer?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It has ended, cancelled or by itself. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Generation"];
                };
            };
            /** @description Asked to stop; follow it. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Generation"];
                };
            };
        };
    };
    followGeneration: {
        parameters: {
            query?: {
                after?: number;
                previews?: boolean;
            };
            header?: {
                /** @description Resumes after this event; browsers send it by themselves. */
                "Last-Event-ID"?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": unknown;
                };
            };
            /** @description There is nothing after that event, and never will be. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getGenerationGraph: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The graph. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["GenerationGraph"];
                };
            };
        };
    };
    getOutput: {
        parameters: {
            query?: {
                download?: boolean;
            };
            header?: never;
            path: {
                id: string;
                ordinal: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The bytes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "*/*": unknown;
                };
            };
        };
    };
    rerunGeneration: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same body returns the first answer; with another body it is a conflict. */
                "Idempotency-Key"?: string;
                /** @description Seconds to hold the answer back until the generation has ended: `wait=30`. */
                Prefer?: string;
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It ended while you waited, or it was there before. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmittedGeneration"];
                };
            };
            /** @description Accepted, and not ended yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubmittedGeneration"];
                };
            };
        };
    };
    reportRun: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                token: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": unknown;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Heard, whatever it said. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    listKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description All of them, without their secrets. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Key"][];
                    };
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    expires_at?: string | null;
                    max_concurrent?: number | null;
                    name: string;
                    rate_per_minute?: number | null;
                    scopes?: ("generations:read" | "generations:write" | "events:read" | "workflows:read" | "workflows:write" | "workflows:raw" | "media:read" | "media:write" | "points:read" | "points:admin" | "sessions:read" | "sessions:write" | "backends:read" | "backends:admin" | "webhooks:read" | "webhooks:write" | "keys:admin" | "metrics:read" | "accounts:any")[];
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKey"];
                };
            };
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Revoked. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
        };
    };
    listMedia: {
        parameters: {
            query?: {
                /** @description `next_before` of the page before. */
                before?: string;
                limit?: number;
                pinned?: boolean;
                source?: "upload" | "url" | "generation";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A page of files, and what all of them take. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        files: {
                            bytes: number;
                            /** @description What the bytes are. */
                            content_type: string;
                            content_url: string;
                            created_at: string;
                            filename: string | null;
                            /** @description SHA-256 of the bytes. */
                            hash: string;
                            media_id: string;
                            pinned: boolean;
                            /** @enum {string} */
                            source: "upload" | "url" | "generation";
                            url: string;
                        }[];
                        next_before: string | null;
                        usage: {
                            bytes: number;
                            files: number;
                            /** @description 0 is no limit. */
                            quota_bytes: number;
                        };
                    };
                };
            };
        };
    };
    storeMedia: {
        parameters: {
            query?: {
                /** @description What to call the file, for a body that is the file. */
                filename?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @description http or https address of the file. */
                    url: string;
                } | {
                    /** @description `data:image/png;base64,…` */
                    data_url: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The stored file. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        bytes: number;
                        /** @description What the bytes are. */
                        content_type: string;
                        content_url: string;
                        created_at: string;
                        filename: string | null;
                        /** @description SHA-256 of the bytes. */
                        hash: string;
                        media_id: string;
                        pinned: boolean;
                        /** @enum {string} */
                        source: "upload" | "url" | "generation";
                        url: string;
                    };
                };
            };
        };
    };
    getMedia: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        blurhash: string | null;
                        bytes: number;
                        /** @description What the bytes are. */
                        content_type: string;
                        content_url: string;
                        created_at: string;
                        filename: string | null;
                        frames: number | null;
                        /** @description SHA-256 of the bytes. */
                        hash: string;
                        height: number | null;
                        media_id: string;
                        pinned: boolean;
                        provenance: {
                            backend_id: string;
                            generation_id: string;
                            graph: {
                                [key: string]: unknown;
                            };
                            key: string;
                            loras: string[];
                            models: string[];
                            node_id: string;
                            ordinal: number;
                            /** @description By `node.input`, as digits. */
                            seeds: {
                                [key: string]: string;
                            };
                            workflow_name: string | null;
                            workflow_version: string | null;
                        } | null;
                        /** @enum {string} */
                        source: "upload" | "url" | "generation";
                        url: string;
                        width: number | null;
                    };
                };
            };
        };
    };
    removeMedia: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateMedia: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Keep it whatever the retention says. */
                    pinned: boolean;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        bytes: number;
                        /** @description What the bytes are. */
                        content_type: string;
                        content_url: string;
                        created_at: string;
                        filename: string | null;
                        /** @description SHA-256 of the bytes. */
                        hash: string;
                        media_id: string;
                        pinned: boolean;
                        /** @enum {string} */
                        source: "upload" | "url" | "generation";
                        url: string;
                    };
                };
            };
        };
    };
    getMediaContent: {
        parameters: {
            query?: {
                download?: boolean;
                enlarge?: boolean;
                /** @description With both sides given: fit in, cut to fill, pad, or stretch. `inside` unless told. */
                fit?: "inside" | "cover" | "contain" | "fill";
                /** @description As the source unless told. An animation stays one in `webp` and `gif`. */
                format?: "jpeg" | "png" | "webp" | "avif" | "gif";
                frame_ms?: number;
                height?: number;
                /** @description What the file says about itself: camera, place, graph. `strip` unless told. */
                metadata?: "strip" | "keep";
                /** @description `thumbnail`: WebP of at most 256 by 256 pixels. */
                preset?: "thumbnail";
                quality?: number;
                width?: number;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The bytes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "*/*": unknown;
                };
            };
        };
    };
    linkMedia: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @description As configured unless told. */
                    expires_in_s?: number;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The address. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        expires_at: string;
                        url: string;
                    };
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description OpenAPI 3.1. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
        };
    };
    getBalance: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Balance"];
                };
            };
        };
    };
    estimatePrice: {
        parameters: {
            query?: {
                context?: string;
                workflow?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description From the price rule and earlier runs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Estimate"];
                };
            };
        };
    };
    grantPoints: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same body changes nothing. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    account_id: string;
                    /** @description Micro-points. */
                    amount: number;
                    expires_at?: string | null;
                    reason: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Given, now or before under this key. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Receipt"];
                };
            };
        };
    };
    listHistory: {
        parameters: {
            query?: {
                cursor?: number;
                from?: string;
                generation_id?: string;
                kind?: "grant" | "revoke" | "accrue" | "hold" | "capture" | "release" | "refund" | "transfer" | "expire";
                limit?: number;
                order?: "newest" | "oldest";
                to?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HistoryPage"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: {
                account_id?: string;
                after?: string;
                limit?: number;
                platform?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionPage"];
                };
            };
        };
    };
    openSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    account_id?: string;
                    platform?: string;
                    user_id?: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It was there, and is touched. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedSession"];
                };
            };
            /** @description It is new. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenedSession"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    removeSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    backend_id?: string | null;
                    if_revision?: number;
                    inputs?: {
                        [key: string]: Record<string, never> | null;
                    };
                    locale?: string | null;
                    remove?: string[];
                    values?: {
                        [key: string]: unknown;
                    };
                    workflow?: string | null;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    claimSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    account_id: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description They are one account now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Linked"];
                };
            };
        };
    };
    redeemLinkCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    code: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description They are one account now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Linked"];
                };
            };
        };
    };
    createLinkCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Show it to the user. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LinkCode"];
                };
            };
        };
    };
    touchSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
        };
    };
    getSignedMedia: {
        parameters: {
            query: {
                account: string;
                download?: boolean;
                expires: string;
                signature: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The bytes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "*/*": unknown;
                };
            };
        };
    };
    getDeploymentIdByType: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                type: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description What a form must ask for. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowType"];
                };
            };
        };
    };
    selectDeployment: {
        parameters: {
            query?: {
                context?: string;
                preference?: string;
                sticky?: boolean;
            };
            header?: never;
            path: {
                type: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The choice; another request may get another one. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Selection"];
                };
            };
        };
    };
    listWebhooks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["WebhookEndpoint"][];
                    };
                };
            };
        };
    };
    createWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    description?: string;
                    /** @description How generations end, unless told. */
                    events?: ("generation.started" | "generation.retrying" | "generation.succeeded" | "generation.failed" | "generation.cancelled" | "generation.expired")[];
                    /** @description http or https, on the public internet. */
                    url: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhookEndpoint"];
                };
            };
        };
    };
    getWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
        };
    };
    removeWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Removed. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    updateWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    description?: string;
                    /** @description Turning it on again forgets its failures. */
                    enabled?: boolean;
                    events?: ("generation.started" | "generation.retrying" | "generation.succeeded" | "generation.failed" | "generation.cancelled" | "generation.expired")[];
                    /** @description http or https, on the public internet. */
                    url?: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookEndpoint"];
                };
            };
        };
    };
    listWebhookDeliveries: {
        parameters: {
            query?: {
                before?: string;
                limit?: number;
                status?: "pending" | "delivered" | "dead";
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryPage"];
                };
            };
        };
    };
    getWebhookDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                message: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryLog"];
                };
            };
        };
    };
    redeliverWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
                message: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It will be sent again, with the same id. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookDeliveryLog"];
                };
            };
        };
    };
    rotateWebhookSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @description How long the old secret signs too. */
                    overlap_ms?: number;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The new secret; the old one signs beside it for a while. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhookEndpoint"];
                };
            };
        };
    };
    testWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It is on its way. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookTest"];
                };
            };
        };
    };
    listWorkflows: {
        parameters: {
            query?: {
                after?: string;
                enabled?: boolean;
                limit?: number;
                type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowPage"];
                };
            };
        };
    };
    addWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    graph?: {
                        [key: string]: unknown;
                    };
                    labels?: string[];
                    manifest?: {
                        [key: string]: unknown;
                    };
                    name?: string;
                    note?: string;
                    refresh?: boolean;
                    workflow?: {
                        [key: string]: unknown;
                    };
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The workflow had this very content before. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddedWorkflow"];
                };
            };
            /** @description A new version. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AddedWorkflow"];
                };
            };
        };
    };
    getWorkflow: {
        parameters: {
            query?: {
                version?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The workflow. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DescribedWorkflow"];
                };
            };
        };
    };
    removeWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    checkWorkflow: {
        parameters: {
            query?: {
                version?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description By backend. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["WorkflowAvailability"][];
                    };
                };
            };
        };
    };
    listDeployments: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Deployment"][];
                    };
                };
            };
        };
    };
    addDeployment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    contexts?: string[];
                    enabled?: boolean;
                    target?: {
                        /** @constant */
                        kind: "any";
                    } | {
                        backend_id: string;
                        /** @constant */
                        kind: "backend";
                    } | {
                        backend_id?: string | null;
                        deployment_id: string;
                        /** @constant */
                        kind: "comfydeploy";
                    };
                    version?: string | null;
                    weight?: number;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The deployment. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Deployment"];
                };
            };
        };
    };
    diffWorkflowVersions: {
        parameters: {
            query: {
                from: string;
                to: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description What differs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowDiff"];
                };
            };
        };
    };
    disableWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The workflow. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
        };
    };
    enableWorkflow: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The workflow. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Workflow"];
                };
            };
        };
    };
    generate: {
        parameters: {
            query?: never;
            header?: {
                /** @description The same key with the same body returns the first answer; with another body it is a conflict. */
                "Idempotency-Key"?: string;
                /** @description Seconds to hold the answer back until the generation has ended: `wait=30`. */
                Prefer?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    backend_id?: string;
                    context?: string;
                    inputs?: {
                        [key: string]: unknown;
                    };
                    /** @enum {string} */
                    lane?: "interactive" | "batch";
                    limits?: {
                        max_attempts?: number;
                        queue_ms?: number;
                        run_ms?: number;
                    };
                    metadata?: {
                        [key: string]: unknown;
                    };
                    needs?: {
                        tags?: string[];
                        vram_bytes?: number;
                    };
                    preference?: string;
                    /** Format: uuid */
                    session_id?: string;
                    sticky?: boolean;
                    version?: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It ended while you waited, or it was there before. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowGeneration"];
                };
            };
            /** @description Accepted, and not ended yet. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowGeneration"];
                };
            };
        };
    };
    setWorkflowLabel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                label: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    version: string;
                };
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Where it was and is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MovedLabel"];
                };
            };
        };
    };
    removeWorkflowLabel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                label: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    rollbackWorkflowLabel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                label: string;
                name: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": Record<string, never>;
            };
        };
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Where it was and is. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MovedLabel"];
                };
            };
        };
    };
    getWorkflowSchema: {
        parameters: {
            query?: {
                version?: string;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description JSON Schema (2020-12). */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/schema+json": {
                        [key: string]: unknown;
                    };
                };
            };
        };
    };
    listWorkflowVersions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description All of them. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["WorkflowVersionSummary"][];
                    };
                };
            };
        };
    };
    getWorkflowVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                name: string;
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It did not work, and why. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It did not work, and why. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The version. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WorkflowVersion"];
                };
            };
        };
    };
}
