// The site's search runs in a worker. A browser starts none for a page that is opened from a folder
// (file:), so that there a hidden frame takes its place. Named as the site's theme expects it.
if (location.protocol === "file:") {
    window.Worker = class extends EventTarget {
        #frame = document.createElement("iframe");
        #loaded;

        constructor(address) {
            super();
            this.#frame.hidden = true;
            document.body.append(this.#frame);
            const inside = this.#frame.contentWindow;
            const load = (source) => new Promise((loaded, failed) => {
                const script = inside.document.createElement("script");
                Object.assign(script, { src: source, onload: loaded, onerror: failed });
                inside.document.body.append(script);
            });
            inside.importScripts = (...sources) =>
                sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
            inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
            this.#loaded = load(String(address));
        }

        postMessage(data) {
            this.#loaded.then(() =>
                this.#frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
        }

        terminate() {
            this.#frame.remove();
        }
    };
}
