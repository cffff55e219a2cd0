"""Result -> Plotly figure: pure functions, no Streamlit."""
