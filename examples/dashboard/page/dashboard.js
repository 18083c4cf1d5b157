const show = (id, text) => { document.getElementById(id).textContent = text.toLocaleString() }

const item = ([name, size]) => {
    const link = Object.assign(document.createElement("a"), { href: `/files/${encodeURIComponent(name)}`, textContent: name })
    const item = document.createElement("li")
    item.append(link, ` ${size.toLocaleString()} bytes`)
    return item
}

// The browser connects again by itself.
new EventSource("/events").onmessage = (event) => {
    const { files, requests, viewers } = JSON.parse(event.data)
    show("viewers", viewers)
    show("requests", requests)
    show("bytes", Object.values(files).reduce((sum, size) => sum + size, 0))
    document.getElementById("files").replaceChildren(...Object.entries(files).reverse().map(item))
}
